"""Maker and checker, for everything that needs a second person.

values      policies and what a decision led to
tables      approval, its decisions, delegations
operations  ask for an approval, decide, cancel, delegate
subjects    how a domain says what happens when its approval is decided
queries     what is waiting for whom
invariants  nobody decided on their own request, nobody twice

A policy is copied into the approval when it is asked for, so that a later change of rules does not
touch what is already under way. The deciding vote and what it changes commit together.
"""
