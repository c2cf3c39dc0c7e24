"""Policy files: read, checked, identified, watched, matched to a request and applied to it."""
