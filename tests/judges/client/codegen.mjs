// GraphQL codegen as an application would have it: the client preset, with persisted documents.
import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";
import { examples } from "../examples.js";

export default {
  schema: "../schema.graphql",
  documents: [...examples.map(({ query }) => query), "src/documents.ts"],
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" } },
      // Caches ask for it; a document that is named by its hash must hold it from the beginning.
      documentTransforms: [addTypenameSelectionDocumentTransform],
      config: {
        emitLegacyCommonJSImports: false,
        useTypeImports: true,
        defaultScalarType: "unknown",
        strictScalars: true,
        scalars: {
          CurrencyCode: "string",
          Date: "string",
          DateTime: "string",
          Decimal: "string",
          JSON: "unknown",
          Position: "number",
          UUID: "string",
          UserErrorCode: "string",
        },
      },
    },
  },
};
