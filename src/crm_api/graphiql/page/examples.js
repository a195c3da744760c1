// What a newcomer can run first: a tab for each. Written from the cookbook by `make cookbook`.

export const examples = [
  {
    query: `# Who am I, and how far are the read models?
query WhoAmI {
  viewer { id uuid name email roles manager { name } }
  projectionStatus { head projections { name position lagEvents } }
}
`,
  },
  {
    query: `# A list, page by page: filtered, ordered and counted. For the next page give endCursor as $after.
query CustomersPage($after: String) {
  customers(
    first: 10
    after: $after
    where: { status: { eq: ACTIVE }, lifecycle: { eq: ACTIVE } }
    orderBy: [{ field: NAME }]
  ) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id name lifecycle owner { name } }
  }
}
`,
  },
  {
    query: `# What is being sold, the largest first; each with its customer, and whoever works on it.
query OpenOpportunities($after: String) {
  opportunities(
    first: 20
    after: $after
    where: { status: { eq: OPEN } }
    orderBy: [{ field: AMOUNT, direction: DESC }]
  ) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      id
      name
      probability
      closeDate
      amount { amount currencyCode }
      stage { name }
      customer { id name }
      owner { name }
    }
  }
}
`,
  },
  {
    query: `# What a command would do, or why it would be refused. Nothing is stored.
mutation RegisterPersonDryRun {
  customerRegisterPerson(
    input: { name: "Ada Lovelace", email: "ada@example.com", dryRun: true }
  ) {
    userErrors { code message path }
    plannedEvents { type }
    customer { id }
  }
}
`,
  },
  {
    query: `# What is in the pipelines, stage by stage, now; or as it was known then, where $at is given.
query PipelineByStage($at: AsOf) {
  salesPipelineReport(asOf: $at) {
    position
    rows {
      status
      deals
      amount { amount currencyCode }
      weighted { amount currencyCode }
      pipeline { name }
      stage { name probability }
    }
  }
}
`,
  },
  {
    query: `# Every event as it is recorded. For the past too, give 0 as $after; to go on, the last position seen.
subscription FollowEvents($after: Position) {
  events(after: $after) { position type happenedAt actor { kind user { name } } data }
}
`,
  },
];
