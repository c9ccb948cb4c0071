"""Investment products: subscriptions, their worth, and redemptions paid within 36 hours.

values        structs and enums; what pages and the API show
calculations  yield, penalty, units, what a redemption comes to: numbers from numbers
policy        which step of a redemption is legal, and for whom
tables        products, clients, subscriptions, redemptions, payouts; the money is in the ledger
books         which ledger accounts a product's book has, and what each is for
queries       reads, each within what the viewer may see
operations    one verb a file: subscription_open, redemption_request, redemption_approve …
jobs          the payout, the daily accrual, reading balances, telling people
pages, api    the same operations as HTML and as JSON
"""
