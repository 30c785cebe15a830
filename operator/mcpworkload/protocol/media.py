"""The media types of MCP's transports."""

JSON_TYPE, EVENT_TYPE = "application/json", "text/event-stream"
