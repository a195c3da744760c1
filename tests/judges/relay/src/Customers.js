// What a Relay application asks for: a paginated list, a refetched node, lists in a list.
import { graphql } from "react-relay";

export const customers = graphql`
  fragment Customers_query on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" })
  @refetchable(queryName: "CustomersPaginationQuery") {
    customers(first: $count, after: $cursor) @connection(key: "Customers_customers") {
      totalCount
      edges {
        node {
          id
          ...Customers_customer
        }
      }
    }
  }
`;

export const customer = graphql`
  fragment Customers_customer on Customer @refetchable(queryName: "CustomersCustomerQuery") {
    name
    opportunities(first: 5) {
      edges {
        node {
          name
        }
      }
    }
  }
`;

export const page = graphql`
  query CustomersQuery {
    ...Customers_query
  }
`;

export const node = graphql`
  query CustomersNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      ... on Ticket {
        subject
      }
    }
  }
`;

export const register = graphql`
  mutation CustomersRegisterMutation($input: CustomerRegisterPersonInput!) {
    customerRegisterPerson(input: $input) {
      customer {
        id
        name
      }
      userErrors {
        code
      }
    }
  }
`;
