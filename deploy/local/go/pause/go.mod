module mcpworkload.dev/deploy/local/pause

go 1.25.0
