/*
 * An MCP server over stdio for tests: one static file, the only one in its image.
 *
 * Speaks the protocol with sessions and refuses what it does not know. Its tools echo, and do
 * what a server must be survived for: exit, crash, write garbage, leave a process behind.
 *
 * Options: --exit CODE, --crash, --garbage do so at once, before anything is read.
 */
#include "kernel.h"

enum {
    LINE_LIMIT = 64 << 20, /* of address space; memory is taken for what is used */
    BUFFERED = 64 << 10,
    SIGCHLD = 17,
    FOREVER = 1 << 30,
    OUT = 1,
    ERR = 2,
};

struct text {
    const char *at;
    long size;
};

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})
static const struct text nothing = {0, 0};

static char line[LINE_LIMIT];
static char output[BUFFERED];
static long buffered;

/* --- output: JSON in pieces, flushed once per message */

static void write_all(int file, const char *at, long size) {
    while (size > 0) {
        long written = call(WRITE, file, (long)at, size);
        if (written <= 0)
            leave(1);
        at += written;
        size -= written;
    }
}

static void flush(void) {
    write_all(OUT, output, buffered);
    buffered = 0;
}

static void put(struct text text) {
    for (long i = 0; i < text.size; i++) {
        if (buffered == BUFFERED)
            flush();
        output[buffered++] = text.at[i];
    }
}

static void put_number(long number) {
    char digits[20];
    long first = sizeof digits;
    do
        digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put((struct text){digits + first, (long)sizeof digits - first});
}

/* What goes between the quotes of a JSON string. */
static void put_escaped(const char *at) {
    for (; *at; at++) {
        if (*at == '"' || *at == '\\')
            put(TEXT("\\"));
        put((unsigned char)*at < ' ' ? TEXT(" ") : (struct text){at, 1});
    }
}

/* --- input: a look at JSON that is taken to be right */

static int is_space(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\r';
}

/* The end of the JSON value that begins at *at*. */
static const char *skip_value(const char *at, const char *end) {
    int depth = 0, quoted = 0;
    for (; at < end; at++) {
        if (quoted) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                quoted = 0;
        } else if (*at == '"') {
            quoted = 1;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            if (--depth < 0)
                return at;
        } else if (depth == 0 && (*at == ',' || *at == ':')) {
            return at;
        }
    }
    return end;
}

static int equal(struct text one, struct text other) {
    if (one.size != other.size)
        return 0;
    for (long i = 0; i < one.size; i++)
        if (one.at[i] != other.at[i])
            return 0;
    return 1;
}

/* The value of *object*'s member *name*, as written; nothing where there is none. */
static struct text member(struct text object, struct text name) {
    const char *at = object.at, *end = object.at + object.size;
    if (object.size == 0 || *at != '{')
        return nothing;
    at++;
    while (at < end) {
        while (at < end && (is_space(*at) || *at == ','))
            at++;
        const char *key = at;
        at = skip_value(at, end);
        struct text found = {key, at - key};
        while (found.size > 0 && is_space(found.at[found.size - 1]))
            found.size--;
        for (at++; at < end && is_space(*at); at++)
            ;
        struct text value = {at, 0};
        at = skip_value(at, end);
        value.size = at - value.at;
        while (value.size > 0 && is_space(value.at[value.size - 1]))
            value.size--;
        if (equal(found, name))
            return value;
        if (at < end && *at == '}')
            break;
    }
    return nothing;
}

static int number_of(struct text digits) {
    int number = 0;
    for (long i = 0; i < digits.size; i++)
        if (digits.at[i] >= '0' && digits.at[i] <= '9')
            number = number * 10 + (digits.at[i] - '0');
    return number;
}

/* --- what it does */

static void crash(void) {
    *(volatile int *)0 = 0;
}

static void sleep_for(long seconds) {
    long duration[2] = {seconds, 0};
    call(NANOSLEEP, (long)duration, 0, 0);
}

static long leave_process_behind(void) {
    long process = call(CLONE, SIGCHLD, 0, 0);
    if (process == 0)
        for (;;)
            sleep_for(FOREVER);
    return process;
}

static void begin_answer(struct text id) {
    put(TEXT("{\"jsonrpc\":\"2.0\",\"id\":"));
    put(id);
}

static void end_answer(void) {
    put(TEXT("}\n"));
    flush();
}

static void answer_initialize(struct text id) {
    begin_answer(id);
    put(TEXT(",\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
             "\"serverInfo\":{\"name\":\"static\",\"version\":\"1\"}}"));
    end_answer();
}

static void answer_list(struct text id) {
    begin_answer(id);
    put(TEXT(",\"result\":{\"tools\":["
             "{\"name\":\"echo\",\"description\":\"Answer with the text\",\"inputSchema\":"
             "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}},"
             "{\"name\":\"environment\",\"description\":\"Answer with all variables, one a line\","
             "\"inputSchema\":{\"type\":\"object\"}},"
             "{\"name\":\"sleep\",\"description\":\"Answer after some seconds\",\"inputSchema\":"
             "{\"type\":\"object\",\"properties\":{\"seconds\":{\"type\":\"integer\"}}}},"
             "{\"name\":\"exit\",\"description\":\"Exit without an answer\",\"inputSchema\":"
             "{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"integer\"}}}},"
             "{\"name\":\"crash\",\"description\":\"End by SIGSEGV\",\"inputSchema\":"
             "{\"type\":\"object\"}},"
             "{\"name\":\"garbage\",\"description\":\"Write what is no message, then answer\","
             "\"inputSchema\":{\"type\":\"object\"}},"
             "{\"name\":\"orphan\",\"description\":\"Leave a process behind; its number\","
             "\"inputSchema\":{\"type\":\"object\"}}]}"));
    end_answer();
}

static void answer_refusal(struct text id, struct text reason) {
    begin_answer(id);
    put(TEXT(",\"error\":{\"code\":"));
    put(reason);
    put(TEXT("\"}"));
    end_answer();
}

static void write_garbage(void) {
    write_all(OUT, "this is no message\n", 19);
    write_all(ERR, "wrote what is no message\n", 25);
}

static void answer_call(struct text id, struct text params, char **environment) {
    struct text tool = member(params, TEXT("\"name\""));
    struct text arguments = member(params, TEXT("\"arguments\""));
    if (equal(tool, TEXT("\"exit\"")))
        leave(number_of(member(arguments, TEXT("\"code\""))));
    if (equal(tool, TEXT("\"crash\"")))
        crash();
    if (equal(tool, TEXT("\"sleep\"")))
        sleep_for(number_of(member(arguments, TEXT("\"seconds\""))));
    if (equal(tool, TEXT("\"garbage\"")))
        write_garbage();
    begin_answer(id);
    put(TEXT(",\"result\":{\"content\":[{\"type\":\"text\",\"text\":"));
    struct text echoed = member(arguments, TEXT("\"text\""));
    if (equal(tool, TEXT("\"echo\"")) && echoed.size > 0) {
        put(echoed);
    } else {
        put(TEXT("\""));
        if (equal(tool, TEXT("\"orphan\"")))
            put_number(leave_process_behind());
        if (equal(tool, TEXT("\"environment\"")))
            for (; *environment; environment++) {
                put_escaped(*environment);
                put(TEXT("\\n"));
            }
        put(TEXT("\""));
    }
    put(TEXT("}]}"));
    end_answer();
}

static void answer(struct text message, char **environment) {
    struct text id = member(message, TEXT("\"id\""));
    struct text method = member(message, TEXT("\"method\""));
    if (id.size == 0 || method.size == 0)
        return;
    if (equal(method, TEXT("\"initialize\""))) {
        answer_initialize(id);
    } else if (equal(method, TEXT("\"tools/list\""))) {
        answer_list(id);
    } else if (equal(method, TEXT("\"tools/call\""))) {
        answer_call(id, member(message, TEXT("\"params\"")), environment);
    } else if (equal(method, TEXT("\"ping\""))) {
        begin_answer(id);
        put(TEXT(",\"result\":{}"));
        end_answer();
    } else {
        answer_refusal(id, TEXT("-32601,\"message\":\"Method not found"));
    }
}

static struct text option(const char *argument) {
    return (struct text){argument, length(argument)};
}

static void obey(char **arguments) {
    for (; *arguments; arguments++) {
        if (equal(option(*arguments), TEXT("--exit")))
            leave(arguments[1] ? number_of(option(arguments[1])) : 1);
        if (equal(option(*arguments), TEXT("--crash")))
            crash();
        if (equal(option(*arguments), TEXT("--garbage")))
            write_garbage();
    }
}

void start(long *stack) {
    char **arguments = (char **)(stack + 1);
    char **environment = arguments + stack[0] + 1;
    long filled = 0, looked = 0;
    obey(arguments + 1);
    while (filled < LINE_LIMIT) {
        long got = call(READ, 0, (long)(line + filled), LINE_LIMIT - filled);
        if (got <= 0)
            leave(got < 0);
        filled += got;
        long begin = 0;
        for (; looked < filled; looked++)
            if (line[looked] == '\n') {
                answer((struct text){line + begin, looked - begin}, environment);
                begin = looked + 1;
            }
        for (long i = begin; begin > 0 && i < filled; i++)
            line[i - begin] = line[i];
        filled -= begin;
        looked -= begin;
    }
    leave(1);
}
