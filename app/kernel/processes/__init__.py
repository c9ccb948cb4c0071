"""Which processes of the portal are alive, and what they answered lately: each says so of itself."""

from app.kernel.processes.reporting import SILENT_SECONDS_MAX, processes, reporting
from app.kernel.processes.values import Part, ProcessView, Traffic, class_of, together

__all__ = [
    "SILENT_SECONDS_MAX",
    "Part",
    "ProcessView",
    "Traffic",
    "class_of",
    "processes",
    "reporting",
    "together",
]
