"""Writes the table of host replies into docs/hosts.md."""

from tests.support.host_replies import SECTIONS
from tests.support.host_replies.page import PAGE, replace_tables

PAGE.write_text(replace_tables(PAGE.read_text("utf-8"), SECTIONS), "utf-8")
