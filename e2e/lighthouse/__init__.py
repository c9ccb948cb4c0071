"""Lighthouse on the dashboards."""
