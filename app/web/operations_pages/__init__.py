"""The operations desk: clocks, jobs, approvals, what needs a hand, and how the portal runs."""

from app.web.operations_pages.approvals import ApprovalRecords
from app.web.operations_pages.dashboard import dashboard
from app.web.operations_pages.deadline import Deadline
from app.web.operations_pages.deadlines import Deadlines
from app.web.operations_pages.job_discard import JobDiscard
from app.web.operations_pages.jobs import Jobs
from app.web.operations_pages.system import system

ROUTES = [dashboard, Deadlines, Deadline, Jobs, JobDiscard, ApprovalRecords, system]
