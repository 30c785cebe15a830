// Command go-sdk is an MCP server of the Go SDK for tests, on $PORT of all addresses.
//
// Usage: go-sdk streamable|stateless|sse.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type text struct {
	Text string `json:"text"`
}

type numbers struct {
	A int `json:"a"`
	B int `json:"b"`
}

type sum struct {
	Result int `json:"result"`
}

func echo(_ context.Context, _ *mcp.CallToolRequest, in text) (*mcp.CallToolResult, any, error) {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Text}}}, nil, nil
}

func add(_ context.Context, _ *mcp.CallToolRequest, in numbers) (*mcp.CallToolResult, sum, error) {
	return nil, sum{in.A + in.B}, nil
}

func main() {
	server := mcp.NewServer(&mcp.Implementation{Name: "go-sdk", Version: "1.8.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "echo", Description: "Return what came."}, echo)
	mcp.AddTool(server, &mcp.Tool{Name: "add", Description: "Return the sum."}, add)
	choose := func(*http.Request) *mcp.Server { return server }
	handlers := map[string]http.Handler{
		"streamable": mcp.NewStreamableHTTPHandler(choose, nil),
		"stateless": mcp.NewStreamableHTTPHandler(
			choose, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true}),
		"sse": mcp.NewSSEHandler(choose, nil),
	}
	if len(os.Args) != 2 || handlers[os.Args[1]] == nil {
		log.Fatal("usage: go-sdk streamable|stateless|sse")
	}
	paths := http.NewServeMux()
	path := "/mcp"
	if os.Args[1] == "sse" {
		path = "/sse"
	}
	paths.Handle(path, handlers[os.Args[1]])
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), paths))
}
