/* Load generator for the bench kit: one epoll thread, keep-alive, one request in flight a connection.
 *
 * Every message has its own recipient and text, rendered in place into a prepared request, so that no
 * answer can come from a duplicate check and the client costs less than any server it measures.
 * With --rate the arrivals follow a fixed plan, and latency counts from the planned moment: a stalled
 * server is charged for the requests it kept from being sent (no coordinated omission).
 * Prints one JSON line. Linux only. Usage: see USAGE below. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

#define USAGE                                                                                        \
    "usage: load --port N --key KEY --list +1... [options]\n"                                        \
    "  --host IP           address of the server (127.0.0.1)\n"                                      \
    "  --list NUMBER       the list to send from; may be repeated\n"                                 \
    "  --list-file FILE    many lists, one a line or the first column of a CSV; used in turn\n"      \
    "  --connections N     keep-alive connections (64)\n"                                            \
    "  --batch N           messages a request: 1 is send-raw, more is send-raw/bulk (1)\n"           \
    "  --warmup SECONDS    left out of the figures (1)\n"                                            \
    "  --seconds SECONDS   measured time (5)\n"                                                      \
    "  --rate R            open loop: R messages a second, whatever the answers do\n"                \
    "  --total N           stop after N messages instead of after a time; no warm-up\n"              \
    "  --first N           first counter (0): give it when a server is loaded twice\n"              \
    "  --kannel            ask Kannel's sendsms instead; the key is user name and password\n"         \
    "  --links FILE        follow short links instead, one id of 7 letters a line, on the host --key\n"

enum {
    NUMBER_LEN_MAX = 17,
    LINK_LEN = 7,
    COUNTER_DIGITS = 10,
    RECIPIENTS = 8000000,  /* +1555 2000000 ... 9999999: never the block +1555010xxxx */
    SCATTER = 5000011,     /* coprime to RECIPIENTS: neighbours in time are not neighbours in an index */
    EVENTS_MAX = 1024,
    STATUS_MAX = 600,
};
static const int64_t NS = 1000000000;
static const int64_t SILENCE_NS = 30LL * 1000000000; /* after it, open requests count as lost */

typedef struct {
    const char *host, *key;
    int port, connections, batch;
    double warmup, seconds, rate;
    int64_t total, first;
    bool kannel;
    const char *links;
} Options;

typedef struct {  /* where one message's changing parts stand in the request */
    size_t to, list, text, tag;
} Slot;

typedef struct {
    int fd;
    bool busy, wants_out;
    char *out, *in;
    size_t sent, in_len, in_cap;
    size_t answer_len; /* head and body; 0 until the head is read */
    size_t head_len;
    int status;
    bool closes;
    int64_t since;
} Conn;

static Options opt = {.host = "127.0.0.1", .connections = 64, .batch = 1, .warmup = 1, .seconds = 5};
static char (*lists)[NUMBER_LEN_MAX];
static size_t list_count, list_cap, list_len;

static char *request;
static size_t request_len;
static Slot *slots;

static Conn *conns;
static int *idle_stack, idle_count; /* open loop: connections free for the next planned arrival */
static int epoll_fd, in_flight;
static struct sockaddr_in address;
static int64_t started, measure_from, stop_at, last_answer_at, quiet_since, next_due, counter, issued;

static int64_t statuses[STATUS_MAX], requests, measured_messages, accepted, refused, lost, reconnects;

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *must(void *memory) {
    if (!memory) die("out of memory");
    return memory;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS + t.tv_nsec;
}

/* --- the request ----------------------------------------------------------------------------- */

static void add_list(const char *number, size_t length) {
    if (length < 3 || length >= NUMBER_LEN_MAX) die("not a list number: %.*s", (int)length, number);
    if (list_count && length != list_len) die("list numbers must all have the same length");
    if (list_count == list_cap) {
        list_cap = list_cap ? list_cap * 2 : 16;
        lists = must(realloc(lists, list_cap * sizeof *lists));
    }
    memcpy(lists[list_count], number, length);
    lists[list_count++][length] = 0;
    list_len = length;
}

static void read_lists(const char *path) {
    FILE *file = fopen(path, "r");
    char line[512];
    if (!file) die("cannot read %s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file))
        if (line[0] == '+') add_list(line, strcspn(line, ",; \t\r\n")); /* skips a CSV's header line */
    fclose(file);
}

/* Mark where `mark` stands, as an offset into the whole request. */
static size_t find(const char *message, const char *mark, size_t base) {
    return base + (size_t)(strstr(message, mark) - message) + strlen(mark);
}

static void build_request(void) {
    char message[512], head[512];
    bool bulk = opt.batch > 1;
    const char *open = bulk ? "{\"messages\":[" : "", *close = bulk ? "]}" : "";
    int length = snprintf(
        message, sizeof message,
        "{\"to\":\"+15550000000\",\"list_number\":\"%s\",\"body\":\"Order 0000000000 has left our warehouse"
        " and will reach you on Tuesday.\",\"metadata\":{\"order\":\"0000000000\"}}", lists[0]);
    size_t body = strlen(open) + (size_t)opt.batch * (size_t)(length + 1) - 1 + strlen(close);
    int head_len = snprintf(
        head, sizeof head,
        "POST /api/v2/send-raw%s HTTP/1.1\r\nHost: %s:%d\r\nX-Api-Key: %s\r\nAccept: */*\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        bulk ? "/bulk" : "", opt.host, opt.port, opt.key, body);
    if (head_len >= (int)sizeof head) die("the key is too long");

    request_len = (size_t)head_len + body;
    request = must(malloc(request_len + 2));
    slots = must(calloc((size_t)opt.batch, sizeof *slots));
    char *at = stpcpy(stpcpy(request, head), open);
    for (int i = 0; i < opt.batch; i++) {
        if (i) *at++ = ',';
        size_t base = (size_t)(at - request);
        slots[i] = (Slot){find(message, "\"to\":\"+1555", base), find(message, "\"list_number\":\"", base),
                          find(message, "\"body\":\"Order ", base), find(message, "\"order\":\"", base)};
        at = stpcpy(at, message);
    }
    strcpy(at, close);
}

/* Kannel takes a message by GET, and asks for a receipt with dlr-mask. */
static void build_kannel_request(void) {
    char line[512];
    int length = snprintf(
        line, sizeof line,
        "GET /cgi-bin/sendsms?username=%s&password=%s&from=15550000001&to=15550000000&text=Order+"
        "0000000000+has+left+our+warehouse+and+will+reach+you+on+Tuesday.&dlr-mask=3 HTTP/1.1\r\n"
        "Host: %s:%d\r\nAccept: */*\r\n\r\n",
        opt.key, opt.key, opt.host, opt.port);
    if (length >= (int)sizeof line) die("the key is too long");
    request_len = (size_t)length;
    request = must(malloc(request_len + 1));
    strcpy(request, line);
    slots = must(calloc(1, sizeof *slots));
    slots[0] = (Slot){find(line, "to=1555", 0), 0, find(line, "text=Order+", 0), 0};
    slots[0].tag = slots[0].text;
}

static void read_links(const char *path) {
    FILE *file = fopen(path, "r");
    char line[64];
    if (!file) die("cannot read %s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (strlen(line) != LINK_LEN) die("not a short id: %s", line);
        add_list(line, LINK_LEN);
    }
    fclose(file);
}

/* A phone's request as a proxy passes it on; each has another visitor. */
static void build_links_request(void) {
    char line[1024];
    int length = snprintf(
        line, sizeof line,
        "GET /0000000 HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 198.100.000.000\r\n"
        "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/150.0.0.0 Mobile Safari/537.36\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
        "Accept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\n"
        "Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Mode: navigate\r\n\r\n", opt.key);
    if (length >= (int)sizeof line) die("the host is too long");
    request_len = (size_t)length;
    request = must(malloc(request_len + 1));
    strcpy(request, line);
    slots = must(calloc(1, sizeof *slots));
    slots[0] = (Slot){0, find(line, "GET /", 0), find(line, "198.100.", 0), 0};
}

static void digits(char *at, int width, uint64_t value) {
    for (int i = width - 1; i >= 0; i--, value /= 10) at[i] = (char)('0' + value % 10);
}

/* The last two numbers of an address, of three digits each: none begins with 0. */
static void visitor(char *at, uint64_t n) {
    digits(at, 3, 100 + n % 100);
    digits(at + 4, 3, 100 + n / 100 % 100);
}

static void render(char *out) {
    if (opt.links) {
        uint64_t n = (uint64_t)counter++;
        memcpy(out + slots[0].list, lists[n * SCATTER % list_count], LINK_LEN);
        visitor(out + slots[0].text, n * SCATTER);
        return;
    }
    for (int i = 0; i < opt.batch; i++, counter++) {
        uint64_t n = (uint64_t)counter;
        digits(out + slots[i].to, 7, 2000000 + n % RECIPIENTS * SCATTER % RECIPIENTS);
        digits(out + slots[i].text, COUNTER_DIGITS, n);
        memcpy(out + slots[i].tag, out + slots[i].text, COUNTER_DIGITS);
        if (list_count > 1) memcpy(out + slots[i].list, lists[n % list_count], list_len);
    }
}

/* --- connections ----------------------------------------------------------------------------- */

static void watch(Conn *c, bool out, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event)) die("epoll: %s", strerror(errno));
    c->wants_out = out;
}

static void connect_one(Conn *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
        die("cannot connect to %s:%d: %s", opt.host, opt.port, strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->in_len = c->answer_len = 0;
    watch(c, false, EPOLL_CTL_ADD);
}

static void reconnect(Conn *c) {
    close(c->fd);
    reconnects++;
    connect_one(c);
}

static bool may_issue(int64_t now) {
    return opt.total ? issued + opt.batch <= opt.total : now < stop_at;
}

static void lose(Conn *c);

static void flush(Conn *c) {
    while (c->sent < request_len) {
        ssize_t n = write(c->fd, c->out + c->sent, request_len - c->sent);
        if (n > 0) {
            c->sent += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!c->wants_out) watch(c, true, EPOLL_CTL_MOD);
            return;
        } else if (!(n < 0 && errno == EINTR)) {
            lose(c);
            return;
        }
    }
    if (c->wants_out) watch(c, false, EPOLL_CTL_MOD);
}

static void issue(Conn *c, int64_t since) {
    render(c->out);
    c->sent = c->in_len = c->answer_len = 0;
    c->busy = true;
    c->since = since;
    issued += opt.batch;
    if (in_flight++ == 0) quiet_since = now_ns();
    flush(c);
}

/* After an answer: the next request at once, or, by plan, back among the free connections. */
static void go_on(Conn *c, int64_t now) {
    if (opt.rate > 0) idle_stack[idle_count++] = (int)(c - conns);
    else if (may_issue(now)) issue(c, now);
}

/* The connection broke under an open request: count it, never repeat it. */
static void lose(Conn *c) {
    if (++lost > 1000) die("the server keeps closing connections");
    c->busy = false;
    in_flight--;
    reconnect(c);
    go_on(c, now_ns());
}

/* --- answers --------------------------------------------------------------------------------- */

static bool header_is(const char *line, const char *name, const char **value) {
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) || line[n] != ':') return false;
    for (*value = line + n + 1; **value == ' '; (*value)++) {}
    return true;
}

/* Read the head once it is whole; false while it is not. */
static bool read_head(Conn *c) {
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    const char *value, *line;
    long body = -1;
    if (!end) return false;
    *end = 0;
    if (strncmp(c->in, "HTTP/1.", 7)) die("not HTTP: %.40s", c->in);
    c->status = atoi(c->in + 9);
    if (c->status < 100 || c->status >= STATUS_MAX) die("no status: %.40s", c->in);
    c->closes = false;
    for (line = strstr(c->in, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (header_is(line, "content-length", &value)) body = strtol(value, NULL, 10);
        else if (header_is(line, "connection", &value)) c->closes = !strncasecmp(value, "close", 5);
    }
    if (body < 0) die("an answer without Content-Length: %.60s", c->in);
    c->head_len = (size_t)(end + 4 - c->in);
    c->answer_len = c->head_len + (size_t)body;
    return true;
}

/* The status that says a message was taken. */
static int done_status(void) { return opt.links ? 302 : opt.kannel ? 202 : 200; }

static int64_t refused_in(const char *body, size_t length) {
    static const char name[] = "\"error_count\"";
    const char *at = memmem(body, length, name, sizeof name - 1);
    if (!at) die("a bulk answer without error_count: %.*s", length > 80 ? 80 : (int)length, body);
    at += sizeof name - 1;
    while (*at == ' ' || *at == ':') at++;
    return strtol(at, NULL, 10);
}

static void complain_once(const Conn *c) {
    static bool complained;
    size_t length = c->answer_len - c->head_len;
    if (!complained) fprintf(stderr, "load: status %d: %.*s\n", c->status, length > 400 ? 400 : (int)length,
                             c->in + c->head_len);
    complained = true;
}

static void answered(Conn *c) {
    int64_t now = now_ns(), good = 0;
    c->busy = false;
    in_flight--;
    last_answer_at = quiet_since = now;
    statuses[c->status]++;
    if (c->status == done_status()) {
        int64_t bad = opt.batch > 1 ? refused_in(c->in + c->head_len, c->answer_len - c->head_len) : 0;
        if (bad) complain_once(c);
        refused += bad;
        good = opt.batch - bad;
        accepted += good;
    } else {
        complain_once(c);
    }
    if (c->status == done_status() && now >= measure_from && now < stop_at) {
        requests++;
        measured_messages += good;
        record(now - c->since);
    }
    if (c->closes) reconnect(c);
    go_on(c, now);
}

static void readable(Conn *c) {
    if (c->in_cap - c->in_len < 2) {
        c->in_cap *= 2;
        c->in = must(realloc(c->in, c->in_cap));
    }
    ssize_t n = read(c->fd, c->in + c->in_len, c->in_cap - c->in_len - 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        c->busy ? lose(c) : reconnect(c);
        return;
    }
    if (!c->busy) die("an answer nobody asked for");
    c->in_len += (size_t)n;
    c->in[c->in_len] = 0;
    if (!c->answer_len && !read_head(c)) return;
    if (c->in_len > c->answer_len) die("more bytes than Content-Length said");
    if (c->in_len == c->answer_len) answered(c);
}

/* --- the run --------------------------------------------------------------------------------- */

/* Send what is due by the plan while a connection is free; the rest waits, its clock running. */
static void release_due(int64_t now, double interval) {
    static double fraction;
    while (idle_count && next_due <= now && may_issue(next_due)) {
        issue(&conns[idle_stack[--idle_count]], next_due);
        fraction += interval;
        next_due += (int64_t)fraction;
        fraction -= (double)(int64_t)fraction;
    }
}

/* epoll waits in milliseconds; a plan of thousands a second needs finer sleep. */
static void sleep_until(int64_t due) {
    int64_t left = due - now_ns();
    struct pollfd ready = {.fd = epoll_fd, .events = POLLIN};
    struct timespec wait = {left / NS, left % NS};
    if (left > 0) ppoll(&ready, 1, &wait, NULL);
}

static bool more_to_do(int64_t now) {
    bool open = opt.rate > 0 ? may_issue(next_due) && (opt.total || now < stop_at) : may_issue(now);
    if (in_flight && now - quiet_since > SILENCE_NS) {
        lost += in_flight;
        fputs("load: no answer for 30 s, giving up\n", stderr);
        return false;
    }
    return open || in_flight;
}

static void run(void) {
    struct epoll_event events[EVENTS_MAX];
    double interval = opt.rate > 0 ? (double)opt.batch * 1e9 / opt.rate : 0;
    started = last_answer_at = next_due = now_ns();
    measure_from = started + (int64_t)(opt.warmup * 1e9);
    stop_at = opt.total ? INT64_MAX : measure_from + (int64_t)(opt.seconds * 1e9);
    for (int i = 0; i < opt.connections; i++) go_on(&conns[i], now_ns());
    for (int64_t now = started; more_to_do(now); now = now_ns()) {
        bool planned = opt.rate > 0 && idle_count && now < stop_at && may_issue(next_due);
        if (planned) {
            release_due(now, interval);
            if (idle_count) sleep_until(next_due);
        }
        int n = epoll_wait(epoll_fd, events, EVENTS_MAX, planned && idle_count ? 0 : 100);
        for (int i = 0; i < n; i++) {
            Conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT && c->busy) flush(c);
            if (events[i].events & ~(uint32_t)EPOLLOUT) readable(c);
        }
    }
}

static void print_statuses(void) {
    const char *before = "\"statuses\":{";
    for (int s = 0; s < STATUS_MAX; s++) {
        if (!statuses[s]) continue;
        printf("%s\"%d\":%lld", before, s, (long long)statuses[s]);
        before = ",";
    }
    printf("%s},", *before == ',' ? "" : before);
}

static void report(void) {
    struct rusage usage;
    int64_t errors = lost, end = now_ns(), unsent = 0;
    for (int s = 0; s < STATUS_MAX; s++) errors += s == done_status() ? 0 : statuses[s];
    double seconds = opt.total ? (double)(last_answer_at - started) / 1e9 : opt.seconds;
    /* Planned before the end, never sent: the server was slower than the plan. */
    if (opt.rate > 0 && !opt.total && next_due < stop_at)
        unsent = (int64_t)((double)(stop_at - next_due) / 1e9 * opt.rate);
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\":%lld,\"messages\":%lld,\"seconds\":%.3f,\"rate\":%.1f,\"errors\":%lld,",
           (long long)requests, (long long)measured_messages, seconds,
           seconds > 0 ? (double)measured_messages / seconds : 0, (long long)errors);
    print_statuses();
    printf("\"refused\":%lld,\"lost\":%lld,\"reconnects\":%lld,\"unsent\":%lld,\"accepted\":%lld,\"next\":%lld,",
           (long long)refused, (long long)lost, (long long)reconnects, (long long)unsent,
           (long long)accepted, (long long)counter);
    printf("\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,\"client_cpu\":%.2f}\n",
           percentile_ms(.5), percentile_ms(.9), percentile_ms(.99), percentile_ms(.999),
           (double)slowest / NS_MS, cpu * 1e9 / (double)(end - started));
}

/* --- start ----------------------------------------------------------------------------------- */

static double number(const char *text, double least) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || value < least) die("not a number of at least %g: %s", least, text);
    return value;
}

static void parse(int argc, char **argv) {
    static const struct option names[] = {
        {"host", 1, 0, 'h'},    {"port", 1, 0, 'p'},    {"key", 1, 0, 'k'},  {"list", 1, 0, 'l'},
        {"list-file", 1, 0, 'L'}, {"connections", 1, 0, 'c'}, {"batch", 1, 0, 'b'}, {"warmup", 1, 0, 'w'},
        {"seconds", 1, 0, 's'}, {"rate", 1, 0, 'r'},    {"total", 1, 0, 't'}, {"first", 1, 0, 'f'},
        {"kannel", 0, 0, 'K'},  {"links", 1, 0, 'i'},   {0, 0, 0, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == 'h') opt.host = optarg;
        else if (c == 'p') opt.port = (int)number(optarg, 1);
        else if (c == 'k') opt.key = optarg;
        else if (c == 'l') add_list(optarg, strlen(optarg));
        else if (c == 'L') read_lists(optarg);
        else if (c == 'c') opt.connections = (int)number(optarg, 1);
        else if (c == 'b') opt.batch = (int)number(optarg, 1);
        else if (c == 'w') opt.warmup = number(optarg, 0);
        else if (c == 's') opt.seconds = number(optarg, 0.001);
        else if (c == 'r') opt.rate = number(optarg, 0.001);
        else if (c == 't') opt.total = (int64_t)number(optarg, 1);
        else if (c == 'K') opt.kannel = true;
        else if (c == 'i') read_links(opt.links = optarg);
        else if (c == 'f') opt.first = (int64_t)number(optarg, 0);
        else exit((fputs(USAGE, stderr), 2));
    }
    if (!opt.port || !opt.key || !(list_count || opt.kannel) || optind != argc) exit((fputs(USAGE, stderr), 2));
    if (opt.total % opt.batch) die("--total must be a multiple of --batch");
    if (opt.total) opt.warmup = 0;
}

static void open_connections(void) {
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
    if (inet_pton(AF_INET, opt.host, &address.sin_addr) != 1) die("not an IPv4 address: %s", opt.host);
    epoll_fd = epoll_create1(0);
    conns = must(calloc((size_t)opt.connections, sizeof *conns));
    idle_stack = must(calloc((size_t)opt.connections, sizeof *idle_stack));
    for (int i = 0; i < opt.connections; i++) {
        Conn *c = &conns[i];
        c->in = must(malloc(c->in_cap = 16384));
        c->out = must(malloc(request_len));
        memcpy(c->out, request, request_len);
        connect_one(c);
    }
}

int main(int argc, char **argv) {
    parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1L, 0L, 0L, 0L);
    counter = opt.first;
    if (opt.links) build_links_request();
    else if (opt.kannel) build_kannel_request();
    else build_request();
    open_connections();
    run();
    report();
    return 0;
}
