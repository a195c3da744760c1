// What a newcomer can run first: a tab for each.

export const examples = [
  {
    query: `# Who am I, and how far are the read models?
query Hello {
  viewer { name email roles }
  projectionStatus { head projections { name position lagEvents } }
}
`,
  },
  {
    query: `# A page of customers. Ask for the next with after: "<endCursor>".
query Customers($after: String) {
  customers(
    first: 10
    after: $after
    where: { status: { eq: ACTIVE } }
    orderBy: [{ field: NAME }]
  ) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      name
      lifecycle
      owner { name }
      timeline(first: 3) { nodes { happenedAt type text } }
    }
  }
}
`,
  },
  {
    query: `# A command. Nothing is stored while dryRun is true.
mutation Register {
  customerRegisterPerson(
    input: { name: "Ada Lovelace", email: "ada@example.com", dryRun: true }
  ) {
    userErrors { code message path }
    plannedEvents { type }
    receipt { position replayed }
    customer { id name email }
  }
}
`,
  },
  {
    query: `# What was in the pipelines, as it was known at a moment?
query Pipeline($time: DateTime!) {
  salesPipelineReport(asOf: { time: $time }) {
    position
    rows { stageId status deals amount { amount currencyCode } }
  }
}
`,
    variables: JSON.stringify({ time: new Date().toISOString() }, null, 2),
  },
  {
    query: `# Every event from now on, as it is recorded. For the past too, give after: 0.
subscription Follow {
  events {
    position
    type
    happenedAt
    actor { kind user { name } }
    data
  }
}
`,
  },
];
