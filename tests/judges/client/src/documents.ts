// What an application asks for; codegen types it, and names each document by its hash.
import { graphql } from "./gql/gql.js";

export const page = graphql(`
  query Page($after: String) {
    customers(first: 2, after: $after, orderBy: [{ field: NAME }]) {
      edges {
        cursor
        node {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

export const record = graphql(`
  query AnyRecord($id: ID!) {
    node(id: $id) {
      ...Versioned
      ... on Customer {
        name
      }
    }
  }
`);

export const versioned = graphql(`
  fragment Versioned on Record {
    id
    version
  }
`);

export const rename = graphql(`
  mutation Rename($id: ID!, $name: String!) {
    customerRename(input: { customerId: $id, name: $name }) {
      customer {
        id
        name
      }
      userErrors {
        code
        message
      }
      receipt {
        position
      }
    }
  }
`);

export const following = graphql(`
  subscription Following($after: Position!) {
    events(after: $after) {
      position
      type
    }
  }
`);
