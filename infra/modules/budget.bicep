// A monthly budget of the group. Azure takes a new one only if it begins this month or later, and never changes where one begins: a tag of
// the group remembers it, so that the same deployment fits a group with and without a budget, in any month.

@description('Required. Begins the name of the budget.')
param baseName string

@description('Required. In the currency of the subscription.')
param amount int

@description('Required. Who is told.')
param email string

@description('Required. First month of the budget; empty: the one that the tag remembers, or this one.')
param startDate string

@description('Required. This month.')
param currentMonth string

var monthTag = 'budget-start-${baseName}'
var groupTags = resourceGroup().?tags ?? {}
var start = empty(startDate) ? (groupTags[?monthTag] ?? currentMonth) : startDate

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: 'budget-${baseName}'
  properties: {
    category: 'Cost'
    amount: amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: start }
    notifications: {
      nearly: { enabled: true, operator: 'GreaterThan', threshold: 80, thresholdType: 'Actual', contactEmails: [email] }
      over: { enabled: true, operator: 'GreaterThan', threshold: 100, thresholdType: 'Forecasted', contactEmails: [email] }
    }
  }
}

// Not before the budget is there: what failed is tried with the month of its day.
resource month 'Microsoft.Resources/tags@2025-04-01' = {
  name: 'default'
  properties: { tags: union(groupTags, { '${monthTag}': start }) }
  dependsOn: [budget]
}
