"""What the conformance suite wants to read: schemas, prompts, resources."""

from typing import Any

Answer = dict[str, Any]

_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
_WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAAAAA=="


def text(what: str) -> Answer:
    """Return a piece of text."""
    return {"type": "text", "text": what}


def _resource(uri: str, mime: str, what: str) -> Answer:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": what}}


IMAGE = {"type": "image", "data": _PNG, "mimeType": "image/png"}
AUDIO = {"type": "audio", "data": _WAV, "mimeType": "audio/wav"}
EMBEDDED = _resource(
    "test://embedded-resource", "text/plain", "This is an embedded resource content."
)
MIXED = _resource(
    "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
)

RESOURCES: dict[str, Answer] = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": _PNG},
    "test://watched-resource": {"mimeType": "text/plain", "text": "Watched."},
}

PROMPTS: dict[str, tuple[list[str], Any]] = {
    "test_simple_prompt": ([], lambda _: [text("This is a simple prompt for testing.")]),
    "test_prompt_with_arguments": (
        ["arg1", "arg2"],
        lambda a: [text(f"Prompt with arguments: arg1='{a.get('arg1')}', arg2='{a.get('arg2')}'")],
    ),
    "test_prompt_with_embedded_resource": (
        ["resourceUri"],
        lambda a: [
            _resource(a.get("resourceUri", "test://x"), "text/plain", "Embedded."),
            text("Please process the embedded resource above."),
        ],
    ),
    "test_prompt_with_image": ([], lambda _: [IMAGE, text("Please analyze the image above.")]),
    "test_input_required_result_prompt": ([], lambda _: [text("With your context.")]),
}

_TITLED = [{"const": f"value{n}", "title": f"{o} Option"} for n, o in ((1, "First"), (2, "Second"))]
ELICITATIONS: dict[str, Answer] = {
    "plain": {
        "type": "object",
        "properties": {
            "username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"},
        },
        "required": ["username", "email"],
    },
    "defaults": {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {
                "type": "string",
                "enum": ["active", "inactive", "pending"],
                "default": "active",
            },
            "verified": {"type": "boolean", "default": True},
        },
    },
    "enums": {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
            "titledSingle": {"type": "string", "oneOf": _TITLED},
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {
                "type": "array",
                "items": {"type": "string", "enum": ["option1", "option2", "option3"]},
            },
            "titledMulti": {"type": "array", "items": {"anyOf": _TITLED}},
        },
    },
}


def _elicit(message: str, name: str, kind: str = "string") -> Answer:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema},
    }


def _sample(question: str, most: int) -> Answer:
    message = {"role": "user", "content": text(question)}
    return {
        "method": "sampling/createMessage",
        "params": {"messages": [message], "maxTokens": most},
    }


INPUT_REQUESTS = {
    "user_name": _elicit("What is your name?", "name"),
    "capital_question": _sample("What is the capital of France?", 100),
    "client_roots": {"method": "roots/list", "params": {}},
    "confirm": _elicit("Please confirm", "ok", "boolean"),
    "greeting": _sample("Generate a greeting", 50),
    "step1": _elicit("Step 1: What is your name?", "name"),
    "step2": _elicit("Step 2: What is your favorite color?", "color"),
    "user_context": _elicit("What context should the prompt use?", "context"),
}


def ask_for(*names: str, state: str | None = None) -> Answer:
    """Return a result that asks for what stands under *names*."""
    asked = {name: INPUT_REQUESTS[name] for name in names}
    result: Answer = {"resultType": "input_required", "inputRequests": asked}
    return result if state is None else {**result, "requestState": state}


EMPTY = {"type": "object", "properties": {}}
SCHEMAS: dict[str, Answer] = {
    "test_sampling": {
        "type": "object",
        "properties": {"prompt": {"type": "string"}},
        "required": ["prompt"],
    },
    "test_elicitation": {
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
    },
    "test_x_mcp_header": {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "count": {"type": "integer", "x-mcp-header": "Count"},
        },
    },
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}
