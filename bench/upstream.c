/*
 * The upstream of the benchmark: answers every request in the way that its options say, with exact usage.
 *
 *   upstream --mode json|chat|responses [--port 0] [--json-bytes 1024] [--events 100] [--interval-ms 0]
 *            [--large-bytes 61440] [--event-bytes 4096] [--send-buffer 0] [--stats-file FILE]
 *
 * json: one document. chat: a stream of `events` chunks, usage only to who asks. responses: a stream of `events` deltas
 * and a completed event of `large-bytes`. Each event is one HTTP chunk, as OpenAI sends them. With an interval the
 * events go out one by one, each with the time of its sending in `system_fingerprint`; without, or for a request with
 * `"seed":1` (a warm-up), all in one write.
 * A stream whose reader does not read is paused until it does. A request with `"seed":2` gets paced events of
 * `event-bytes` more, so that a slow reader is soon behind; a small `send-buffer` lets the upstream notice it sooner.
 * Prints {"port":N} when it listens. At SIGUSR1 it writes to the file how many streams are paused, how many were at once,
 * and how often a stream was.
 */
#include "common.h"

#define HEAD_BYTES 8192
#define USAGE                                                                                                    \
  "{\"prompt_tokens\":1200,\"completion_tokens\":300,\"total_tokens\":1500,"                                    \
  "\"prompt_tokens_details\":{\"cached_tokens\":1024,\"audio_tokens\":0},"                                       \
  "\"completion_tokens_details\":{\"reasoning_tokens\":256,\"audio_tokens\":0,"                                  \
  "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}"
#define RESPONSES_USAGE                                                                                          \
  "{\"input_tokens\":1200,\"input_tokens_details\":{\"cached_tokens\":1024},\"output_tokens\":300,"              \
  "\"output_tokens_details\":{\"reasoning_tokens\":256},\"total_tokens\":1500}"
#define ID "chatcmpl-Bench0000000000000000000000000"
#define MODEL "gpt-5-mini-2026-02-01"

/* The headers that OpenAI's answers have: a proxy must carry them all. */
static const char HEADERS[] =
    "Date: Sun, 22 Nov 2026 03:46:32 GMT\r\n"
    "Connection: keep-alive\r\n"
    "access-control-expose-headers: X-Request-ID\r\n"
    "openai-organization: org-bench\r\n"
    "openai-processing-ms: 312\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-envoy-upstream-service-time: 316\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-limit-tokens: 10000000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-remaining-tokens: 9998750\r\n"
    "x-ratelimit-reset-requests: 6ms\r\n"
    "x-ratelimit-reset-tokens: 7ms\r\n"
    "x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"
    "cf-cache-status: DYNAMIC\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Server: cloudflare\r\n"
    "CF-RAY: 9a2b3c4d5e6f7081-FRA\r\n"
    "alt-svc: h3=\":443\"; ma=86400\r\n";

typedef struct {
  char *bytes;
  size_t length, capacity;
} Text;

typedef struct Connection {
  int fd;
  unsigned generation;
  char head[HEAD_BYTES]; /* the request's head and as much of its body as there is room for */
  size_t head_length;
  bool in_body, is_chunked, asked, wants_burst, wants_large, is_paused;
  long long body_left;
  char tail[5];
  char *late; /* what is left of an event that the socket did not take */
  const char *out;
  size_t out_left;
  bool is_writing;
  int next_event;
  struct Connection *free_next;
} Connection;

/* Paced events that are due later. All streams have the same interval, so the queue is in order of time by itself. */
typedef struct {
  Connection *connection;
  unsigned generation;
  int64_t at_ns;
} Due;

static enum { JSON, CHAT, RESPONSES } mode;
static int events, large_bytes, send_buffer, epoll, timer;
static int64_t interval_ns;
static Text answers[2]; /* whole answers: to who did not ask for usage, and to who did */
static Text stream_head, padding;
static int paused, most_paused;
static long pauses;
static volatile sig_atomic_t wants_stats;
static Due *queue;
static size_t queue_first, queue_length, queue_capacity;
static Connection *free_connections;

static void add(Text *text, const char *bytes, size_t length) {
  while (text->length + length > text->capacity) {
    text->capacity = text->capacity ? text->capacity * 2 : 4096;
    text->bytes = realloc(text->bytes, text->capacity);
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

static void add_format(Text *text, const char *format, ...) {
  char line[4096];
  va_list rest;
  va_start(rest, format);
  int length = vsnprintf(line, sizeof line, format, rest);
  va_end(rest);
  add(text, line, (size_t)length);
}

/* `length` bytes of prose inside a JSON string, with escapes as prose has them. */
static void add_prose(Text *text, long length) {
  static const char prose[] = "The quick brown fox says \\\"hello\\\" to the lazy dog.\\n";
  for (; length > 0; length -= (long)sizeof prose - 1) add(text, prose, sizeof prose - 1);
}

static void add_chunk(Text *text, const char *bytes, size_t length) {
  add_format(text, "%zx\r\n", length);
  add(text, bytes, length);
  add(text, "\r\n", 2);
}

static int chat_event(char *to, size_t room, int index, bool asked, const char *more) {
  const char *usage = asked ? ",\"usage\":null" : "";
  const char *before = "data: {\"id\":\"" ID "\",\"object\":\"chat.completion.chunk\",\"created\":1763780000,"
                       "\"model\":\"" MODEL "\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_t";
  if (index < events)
    return snprintf(to, room,
                    "%s%016llx\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token%04d%s\"},"
                    "\"logprobs\":null,\"finish_reason\":null}]%s,\"obfuscation\":\"a8Kd0Wq2\"}\n\n",
                    before, (long long)now_ns(), index, more, usage);
  if (index == events)
    return snprintf(to, room,
                    "%s%016llx\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                    "\"finish_reason\":\"stop\"}]%s,\"obfuscation\":\"Zx\"}\n\n",
                    before, (long long)now_ns(), usage);
  if (index == events + 1 && asked)
    return snprintf(to, room, "%s%016llx\",\"choices\":[],\"usage\":" USAGE ",\"obfuscation\":\"\"}\n\n", before,
                    (long long)now_ns());
  return snprintf(to, room, "data: [DONE]\n\n");
}

static int chat_events(bool asked) { return events + (asked ? 3 : 2); }

static void make_json(int bytes) {
  Text body = {0};
  add_format(&body, "{\"id\":\"" ID "\",\"object\":\"chat.completion\",\"created\":1763780000,\"model\":\"" MODEL
                    "\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
  add_prose(&body, bytes - 620);
  add_format(&body, "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                    "\"usage\":" USAGE ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}");
  Text *answer = &answers[0];
  add_format(answer, "HTTP/1.1 200 OK\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", HEADERS,
             body.length);
  add(answer, body.bytes, body.length);
  answers[1] = answers[0];
}

static void make_chat(void) {
  for (int asked = 0; asked < 2; asked++) {
    Text *answer = &answers[asked];
    add(answer, stream_head.bytes, stream_head.length);
    for (int i = 0; i < chat_events(asked); i++) {
      char event[1024];
      add_chunk(answer, event, (size_t)chat_event(event, sizeof event, i, asked, ""));
    }
    add(answer, "0\r\n\r\n", 5);
  }
}

static void add_responses_event(const char *type, const char *format, ...) {
  Text event = {0};
  char rest_text[2048];
  va_list rest;
  va_start(rest, format);
  vsnprintf(rest_text, sizeof rest_text, format, rest);
  va_end(rest);
  add_format(&event, "event: %s\ndata: {\"type\":\"%s\",%s}\n\n", type, type, rest_text);
  add_chunk(&answers[0], event.bytes, event.length);
  free(event.bytes);
}

static void make_responses(void) {
  const char *started = "\"response\":{\"id\":\"resp_bench\",\"object\":\"response\",\"status\":\"in_progress\","
                        "\"model\":\"" MODEL "\",\"output\":[],\"usage\":null,\"metadata\":{}}";
  add(&answers[0], stream_head.bytes, stream_head.length);
  add_responses_event("response.created", "\"sequence_number\":0,%s", started);
  add_responses_event("response.in_progress", "\"sequence_number\":1,%s", started);
  for (int i = 0; i < events; i++)
    add_responses_event("response.output_text.delta",
                        "\"sequence_number\":%d,\"item_id\":\"msg_bench\",\"output_index\":0,\"content_index\":0,"
                        "\"delta\":\" token%04d\",\"logprobs\":[],\"obfuscation\":\"a8Kd0Wq2\"",
                        i + 2, i);
  Text last = {0};
  add_format(&last,
             "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":%d,\"response\":"
             "{\"id\":\"resp_bench\",\"object\":\"response\",\"created_at\":1763780000,\"status\":\"completed\","
             "\"background\":false,\"error\":null,\"incomplete_details\":null,\"instructions\":\"",
             events + 2);
  add_prose(&last, large_bytes - 1100);
  add_format(&last, "\",\"model\":\"" MODEL "\",\"output\":[{\"id\":\"msg_bench\",\"type\":\"message\","
                    "\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
                    "\"annotations\":[],\"logprobs\":[],\"text\":\" token\"}]}],\"parallel_tool_calls\":true,"
                    "\"service_tier\":\"default\",\"temperature\":1.0,\"tools\":[],\"top_p\":1.0,"
                    "\"usage\":" RESPONSES_USAGE ",\"user\":null,\"metadata\":{}}}\n\n");
  add_chunk(&answers[0], last.bytes, last.length);
  add(&answers[0], "0\r\n\r\n", 5);
  answers[1] = answers[0];
}

static void end_pause(Connection *connection) {
  if (!connection->is_paused) return;
  connection->is_paused = false;
  paused--;
  free(connection->late);
  connection->late = NULL;
}

static void forget(Connection *connection) {
  end_pause(connection);
  close(connection->fd);
  connection->generation++;
  connection->free_next = free_connections;
  free_connections = connection;
}

static void go_on(Connection *connection);

static void write_out(Connection *connection) {
  while (connection->out_left > 0) {
    ssize_t sent = write(connection->fd, connection->out, connection->out_left);
    if (sent < 0 && errno == EAGAIN) {
      if (!connection->is_writing) watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN | EPOLLOUT, connection);
      connection->is_writing = true;
      return;
    }
    if (sent < 0) return; /* the read that follows tells that the peer has gone */
    connection->out += sent;
    connection->out_left -= (size_t)sent;
  }
  if (connection->is_writing) watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
  connection->is_writing = false;
  if (connection->is_paused) go_on(connection);
}

static void enqueue(Connection *connection, int64_t at_ns) {
  if (queue_length == queue_capacity) {
    size_t capacity = queue_capacity ? queue_capacity * 2 : 1024;
    Due *larger = malloc(capacity * sizeof *larger);
    for (size_t i = 0; i < queue_length; i++) larger[i] = queue[(queue_first + i) % queue_capacity];
    free(queue);
    queue = larger;
    queue_first = 0;
    queue_capacity = capacity;
  }
  queue[(queue_first + queue_length++) % queue_capacity] = (Due){connection, connection->generation, at_ns};
}

/* The socket took only a part: the stream waits until it takes the rest. */
static void pause_stream(Connection *connection, const char *rest, size_t length) {
  connection->late = malloc(length);
  memcpy(connection->late, rest, length);
  connection->is_paused = true;
  pauses++;
  if (++paused > most_paused) most_paused = paused;
  connection->out = connection->late;
  connection->out_left = length;
  write_out(connection);
}

/*
 * Sends the next event of a paced stream; those after the last token follow each other at once, as they do at OpenAI.
 */
static void send_event(Connection *connection, int64_t at_ns) {
  static char event[512 * 1024], framed[513 * 1024];
  bool is_last, at_once;
  do {
    int index = connection->next_event++;
    int length = chat_event(event, sizeof event, index, connection->asked, connection->wants_large ? padding.bytes : "");
    is_last = index + 1 == chat_events(connection->asked);
    at_once = index >= events;
    const char *end = is_last ? "0\r\n\r\n" : "";
    int framed_length = snprintf(framed, sizeof framed, "%x\r\n%.*s\r\n%s", (unsigned)length, length, event, end);
    ssize_t sent = write(connection->fd, framed, (size_t)framed_length);
    if (sent < 0 && errno != EAGAIN) return; /* the read that follows tells that the peer has gone */
    if (sent != framed_length) {
      size_t taken = sent < 0 ? 0 : (size_t)sent;
      pause_stream(connection, framed + taken, (size_t)framed_length - taken);
      return;
    }
  } while (at_once && !is_last);
  if (!is_last) enqueue(connection, at_ns + interval_ns);
}

/* What was late is sent: the stream goes on, if there is more of it. */
static void go_on(Connection *connection) {
  end_pause(connection);
  if (connection->next_event >= chat_events(connection->asked)) return;
  if (connection->next_event > events) send_event(connection, now_ns());
  else enqueue(connection, now_ns() + interval_ns);
}

static void send_due_events(void) {
  int64_t now = now_ns();
  while (queue_length > 0 && queue[queue_first].at_ns <= now) {
    Due due = queue[queue_first];
    queue_first = (queue_first + 1) % queue_capacity;
    queue_length--;
    if (due.connection->generation == due.generation) send_event(due.connection, due.at_ns);
  }
}

static void answer(Connection *connection) {
  connection->in_body = false;
  connection->head_length = 0;
  if (interval_ns > 0 && mode == CHAT && !connection->wants_burst) {
    connection->next_event = 0;
    if (write(connection->fd, stream_head.bytes, stream_head.length) < 0) return;
    send_event(connection, now_ns());
    return;
  }
  connection->out = answers[connection->asked].bytes;
  connection->out_left = answers[connection->asked].length;
  write_out(connection);
}

static void keep_tail(Connection *connection, const char *bytes, size_t length) {
  for (size_t i = length > 5 ? length - 5 : 0; i < length; i++) {
    memmove(connection->tail, connection->tail + 1, 4);
    connection->tail[4] = bytes[i];
  }
}

/* A body is over when its announced length is there, or with the last chunk. */
static bool body_is_over(Connection *connection, const char *bytes, size_t length) {
  if (connection->is_chunked) {
    keep_tail(connection, bytes, length);
    return memcmp(connection->tail, "0\r\n\r\n", 5) == 0;
  }
  connection->body_left -= (long long)length;
  return connection->body_left <= 0;
}

static const char *header(const char *head, const char *end, const char *name) {
  for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2)
    if (strncasecmp(line, name, strlen(name)) == 0) return line + strlen(name);
  return NULL;
}

static void receive(Connection *connection, const char *bytes, size_t length) {
  size_t kept = HEAD_BYTES - 1 - connection->head_length;
  if (kept > length) kept = length;
  memcpy(connection->head + connection->head_length, bytes, kept);
  connection->head_length += kept;
  connection->head[connection->head_length] = 0;
  if (!connection->in_body) {
    char *end = memmem(connection->head, connection->head_length, "\r\n\r\n", 4);
    if (end == NULL) return;
    const char *size = header(connection->head, end, "content-length:");
    connection->is_chunked = header(connection->head, end, "transfer-encoding:") != NULL;
    connection->body_left = size ? atoll(size) : 0;
    connection->in_body = true;
    memset(connection->tail, 0, sizeof connection->tail);
    size_t head_bytes = (size_t)(end + 4 - connection->head);
    size_t before = connection->head_length - kept;
    size_t skip = head_bytes > before ? head_bytes - before : 0;
    bytes += skip;
    length -= skip;
  }
  if (!body_is_over(connection, bytes, length)) return;
  connection->asked = strstr(connection->head, "\"include_usage\":true") != NULL;
  connection->wants_burst = strstr(connection->head, "\"seed\":1,") != NULL;
  connection->wants_large = strstr(connection->head, "\"seed\":2,") != NULL;
  answer(connection);
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept(listener, NULL, NULL)) >= 0) {
    prepare_socket(fd);
    if (send_buffer > 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    Connection *connection = free_connections;
    if (connection) free_connections = connection->free_next;
    else connection = calloc(1, sizeof *connection);
    unsigned generation = connection->generation;
    memset(connection, 0, sizeof *connection);
    connection->generation = generation;
    connection->fd = fd;
    watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
  }
}

static void ask_for_stats(int signal) {
  (void)signal;
  wants_stats = 1;
}

static void write_stats(const char *path) {
  wants_stats = 0;
  char unfinished[4096];
  snprintf(unfinished, sizeof unfinished, "%s.new", path);
  FILE *file = fopen(unfinished, "w");
  if (!file) die("%s: %s", unfinished, strerror(errno));
  fprintf(file, "{\"paused\":%d,\"mostPaused\":%d,\"pauses\":%ld}\n", paused, most_paused, pauses);
  fclose(file);
  rename(unfinished, path);
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in address = loopback(port);
  socklen_t size = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 4096) < 0) die("listen: %s", strerror(errno));
  prepare_socket(fd);
  getsockname(fd, (struct sockaddr *)&address, &size);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char **argv) {
  settle_in();
  const char *mode_name = option(argc, argv, "--mode", "json");
  mode = strcmp(mode_name, "chat") == 0 ? CHAT : strcmp(mode_name, "responses") == 0 ? RESPONSES : JSON;
  events = (int)number(argc, argv, "--events", "100");
  large_bytes = (int)number(argc, argv, "--large-bytes", "61440");
  send_buffer = (int)number(argc, argv, "--send-buffer", "0");
  interval_ns = (int64_t)(number(argc, argv, "--interval-ms", "0") * 1e6);
  add_format(&stream_head,
             "HTTP/1.1 200 OK\r\n%sContent-Type: text/event-stream; charset=utf-8\r\n"
             "Transfer-Encoding: chunked\r\n\r\n",
             HEADERS);
  add_prose(&padding, (long)number(argc, argv, "--event-bytes", "4096"));
  if (padding.length > 500 * 1024) die("--event-bytes is more than 500 KB");
  add(&padding, "", 1);
  const char *stats_file = option(argc, argv, "--stats-file", "");
  if (stats_file[0]) signal(SIGUSR1, ask_for_stats);
  if (mode == JSON) make_json((int)number(argc, argv, "--json-bytes", "1024"));
  else if (mode == CHAT) make_chat();
  else make_responses();

  epoll = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  int listener = listen_on((int)number(argc, argv, "--port", "0"));
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
  watch(epoll, EPOLL_CTL_ADD, timer, EPOLLIN, &timer);
  static char buffer[262144];
  for (;;) {
    struct epoll_event ready[512];
    int count = epoll_wait(epoll, ready, 512, -1);
    if (wants_stats) write_stats(stats_file);
    for (int i = 0; i < count; i++) {
      void *what = ready[i].data.ptr;
      if (what == &listener) accept_all(listener);
      else if (what == &timer) {
        uint64_t fired;
        if (read(timer, &fired, sizeof fired) < 0) continue;
      } else {
        Connection *connection = what;
        if (ready[i].events & EPOLLOUT) write_out(connection);
        if (!(ready[i].events & ~(uint32_t)EPOLLOUT)) continue;
        ssize_t length = read(connection->fd, buffer, sizeof buffer);
        if (length > 0) receive(connection, buffer, (size_t)length);
        else if (length == 0 || errno != EAGAIN) forget(connection);
      }
    }
    send_due_events();
    if (queue_length > 0) arm(timer, queue[queue_first].at_ns);
  }
}
