module mcpworkload.dev/hack/local/pause

go 1.25.0
