"""Durable work for both services: what was enqueued is done, though processes die. Knows no domain."""

from services.jobs.jobs import Jobs, JobsUnavailableError, Task, migrate
from services.jobs.settings import JobsSettings
from services.jobs.work import Job, ServiceEndsError

__all__ = ["Job", "Jobs", "JobsSettings", "JobsUnavailableError", "ServiceEndsError", "Task", "migrate"]
