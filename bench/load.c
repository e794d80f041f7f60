/*
 * The load generator of the benchmark.
 *
 *   load --port N --request FILE [--request FILE …] [--connections 32] [--seconds 3] [--rate 0] [--calls 0]
 *        [--ends-with TEXT] [--min-events 0] [--stamps 0|1] [--runs 0] [--keys 0] [--body-bytes 0]
 *        [--slow 0] [--slow-request FILE] [--slow-bytes 256] [--slow-ms 100] [--slow-until 0] [--slow-body-bytes 0]
 *
 * Without a rate every connection sends call after call for so many seconds. With one, that many calls a second are
 * begun, whatever becomes of them, until the seconds are over or so many calls were begun. What has begun is waited for.
 *
 * A FILE is a whole HTTP request; several are sent in turn. `run-0000000000000000` in its head is replaced by the number
 * of a run, which changes every ten calls of a connection. With --runs each call takes one of so many runs, in no order.
 * `key-0000000000000000` becomes the number of a key, one of so many with --keys.
 *
 * --slow makes so many of the connections slow readers: until --slow-until seconds after the start they take no more than
 * --slow-bytes every --slow-ms, from a socket with a small buffer; afterwards they read on as the others do.
 *
 * Times begin when a request is sent. First byte: the first of the answer's body; last byte: its end. With --stamps the
 * events say when they were sent, and how long each was on its way is measured too. An answer counts as an error if its
 * status is not 200, if it is cut, if it does not end with TEXT, if it has too few events, or another length than
 * --body-bytes, for slow readers --slow-body-bytes (0: any).
 */
#include "common.h"

#define CALLS_PER_RUN 10
#define PATIENCE_NS (30 * SECOND_NS)
#define RUN "run-0000000000000000"
#define KEY "key-0000000000000000"
#define SPREAD 2654435761UL /* a prime: its multiples visit all of N numbers, in no order */
#define SLOW_RECEIVE_BUFFER 8192
#define STAMP "\"fp_t"

typedef struct {
  char *bytes;
  size_t head_length, length;
  long run_at, key_at; /* where the digits of the run and of the key stand; -1: nowhere */
} Request;

typedef struct {
  uint32_t *microseconds;
  size_t count, capacity;
} Samples;

typedef enum { HEAD, SIZED_BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS, UNTIL_CLOSE } Place;

typedef struct Connection {
  int fd;
  bool is_open, is_connecting, is_busy, is_writing, must_close, is_slow;
  unsigned long sent_calls, run;
  const Request *request;
  size_t written;
  int64_t started_ns, first_ns;
  Place place;
  char head[8192];
  size_t head_length;
  char line[64];
  size_t line_length;
  int status;
  long long left;
  unsigned events;
  unsigned long long body_bytes;
  char last_byte;
  char tail[64];
  size_t tail_length;
  struct Connection *idle_next;
} Connection;

static Request requests[64], slow_request;
static int request_count, epoll, timer, port;
static Connection *connections, *idle;
static int connection_count, busy_count;
static const char *ends_with;
static unsigned min_events;
static bool reads_stamps;
static double rate;
static int64_t begin_ns, deadline_ns, next_start_ns;
static unsigned long begun, most_calls, overdue, runs, known_runs, known_keys;
static int slow_count;
static size_t slow_bytes;
static bool are_slow; /* now; later the slow readers read as the others do */
static unsigned long long wanted_bytes, slow_wanted_bytes;
static unsigned long calls, all_events;
static unsigned long long all_bytes;
static int64_t last_end_ns;
static struct { unsigned long connect, status, cut, ending, length; int first_status; } errors;
static Samples first_bytes, last_bytes, event_delays;

static void sample(Samples *samples, int64_t ns) {
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity ? samples->capacity * 2 : 65536;
    samples->microseconds = realloc(samples->microseconds, samples->capacity * sizeof(uint32_t));
  }
  samples->microseconds[samples->count++] = ns < 0 ? 0 : (uint32_t)(ns / 1000);
}

static long digits_after(const Request *request, const char *name) {
  char *found = memmem(request->bytes, request->head_length, name, strlen(name));
  return found ? found + 4 - request->bytes : -1;
}

static void put_digits(char *head, long at, unsigned long value) {
  if (at < 0) return;
  char digits[24];
  snprintf(digits, sizeof digits, "%016lu", value);
  memcpy(head + at, digits, 16);
}

static void read_request(const char *path, Request *request) {
  FILE *file = fopen(path, "rb");
  if (!file) die("%s: %s", path, strerror(errno));
  fseek(file, 0, SEEK_END);
  request->length = (size_t)ftell(file);
  rewind(file);
  request->bytes = malloc(request->length);
  if (fread(request->bytes, 1, request->length, file) != request->length) die("%s: cannot be read", path);
  fclose(file);
  char *end = memmem(request->bytes, request->length, "\r\n\r\n", 4);
  if (!end || end + 4 - request->bytes > (long)sizeof connections->head) die("%s: no request, or its head is too long", path);
  request->head_length = (size_t)(end + 4 - request->bytes);
  request->run_at = digits_after(request, RUN);
  request->key_at = digits_after(request, KEY);
}

static void disconnect(Connection *connection) {
  if (connection->is_open) close(connection->fd);
  connection->is_open = false;
}

static void start_waiting_call(void);

static bool may_begin(void) { return now_ns() < deadline_ns && (most_calls == 0 || begun < most_calls); }

static void begin_call(Connection *connection);

/* A call is over, well or not: the connection takes its next one, or waits for one. */
static void end_call(Connection *connection, bool reuse) {
  last_end_ns = now_ns();
  connection->is_busy = false;
  busy_count--;
  if (!reuse) disconnect(connection);
  if (rate == 0 && may_begin()) {
    begin_call(connection);
    return;
  }
  connection->idle_next = idle;
  idle = connection;
  start_waiting_call();
}

static void fail_call(Connection *connection, unsigned long *kind) {
  if (++*kind > 10000) die("too many errors");
  end_call(connection, false);
}

static void finish_call(Connection *connection) {
  size_t wanted = strlen(ends_with);
  unsigned long long length = connection->is_slow ? slow_wanted_bytes : wanted_bytes;
  bool is_whole = connection->tail_length >= wanted &&
                  memcmp(connection->tail + connection->tail_length - wanted, ends_with, wanted) == 0;
  if (connection->status != 200) {
    if (errors.first_status == 0) errors.first_status = connection->status;
    fail_call(connection, &errors.status);
  } else if (!is_whole || connection->events < min_events) {
    fail_call(connection, &errors.ending);
  } else if (length > 0 && connection->body_bytes != length) {
    fail_call(connection, &errors.length);
  } else {
    int64_t now = now_ns();
    calls++;
    all_events += connection->events;
    sample(&first_bytes, connection->first_ns - connection->started_ns);
    sample(&last_bytes, now - connection->started_ns);
    end_call(connection, !connection->must_close);
  }
}

/* Slow readers are read from by the clock, not when there is something to read. */
static uint32_t reads(const Connection *connection) { return connection->is_slow && are_slow ? 0 : EPOLLIN; }

/* The head is written from the connection's own copy, in which the run is its own; the body is shared. */
static void write_request(Connection *connection) {
  const Request *request = connection->request;
  while (connection->written < request->length) {
    struct iovec parts[2];
    int count = 0;
    if (connection->written < request->head_length)
      parts[count++] = (struct iovec){connection->head + connection->written, request->head_length - connection->written};
    size_t body_at = connection->written > request->head_length ? connection->written : request->head_length;
    if (body_at < request->length) parts[count++] = (struct iovec){request->bytes + body_at, request->length - body_at};
    ssize_t sent = writev(connection->fd, parts, count);
    if (sent < 0 && errno == EAGAIN) {
      if (!connection->is_writing) watch(epoll, EPOLL_CTL_MOD, connection->fd, reads(connection) | EPOLLOUT, connection);
      connection->is_writing = true;
      return;
    }
    if (sent < 0) {
      fail_call(connection, &errors.cut);
      return;
    }
    connection->written += (size_t)sent;
  }
  if (connection->is_writing) watch(epoll, EPOLL_CTL_MOD, connection->fd, reads(connection), connection);
  connection->is_writing = false;
  connection->head_length = 0; /* from now on the place is the answer's */
}

static void open_connection(Connection *connection) {
  struct sockaddr_in address = loopback(port);
  connection->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connection->fd < 0) die("socket: %s", strerror(errno));
  prepare_socket(connection->fd);
  int room = SLOW_RECEIVE_BUFFER;
  if (connection->is_slow) setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  connection->is_open = true;
  connection->is_writing = true;
  connection->is_connecting = true;
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    die("connect: %s", strerror(errno));
  watch(epoll, EPOLL_CTL_ADD, connection->fd, reads(connection) | EPOLLOUT, connection);
}

static void begin_call(Connection *connection) {
  begun++;
  busy_count++;
  if (known_runs > 0) connection->run = begun * SPREAD % known_runs;
  else if (connection->sent_calls % CALLS_PER_RUN == 0) connection->run = ++runs;
  const Request *request = &requests[connection->sent_calls++ % (unsigned)request_count];
  if (connection->is_slow) request = &slow_request;
  memcpy(connection->head, request->bytes, request->head_length);
  put_digits(connection->head, request->run_at, connection->run);
  if (known_keys > 0) put_digits(connection->head, request->key_at, begun * SPREAD % known_keys);
  connection->request = request;
  connection->is_busy = true;
  connection->written = 0;
  connection->place = HEAD;
  connection->events = 0;
  connection->body_bytes = 0;
  connection->last_byte = 0;
  connection->tail_length = 0;
  connection->first_ns = 0;
  connection->started_ns = now_ns();
  if (connection->is_open) write_request(connection);
  else open_connection(connection);
}

/* With a rate: begins the calls that no connection was free for. */
static void start_waiting_call(void) {
  while (overdue > 0 && idle != NULL) {
    Connection *connection = idle;
    idle = connection->idle_next;
    overdue--;
    begin_call(connection);
  }
}

static void begin_due_calls(void) {
  while (next_start_ns <= now_ns() && next_start_ns < deadline_ns && (most_calls == 0 || begun + overdue < most_calls)) {
    next_start_ns += (int64_t)(SECOND_NS / rate);
    overdue++;
    start_waiting_call();
  }
}

static void keep_tail(Connection *connection, const char *bytes, size_t length) {
  size_t room = sizeof connection->tail;
  if (length >= room) {
    memcpy(connection->tail, bytes + length - room, room);
    connection->tail_length = room;
    return;
  }
  size_t kept = connection->tail_length + length > room ? room - length : connection->tail_length;
  memmove(connection->tail, connection->tail + connection->tail_length - kept, kept);
  memcpy(connection->tail + kept, bytes, length);
  connection->tail_length = kept + length;
}

/* An event ends with an empty line. */
static unsigned count_events(Connection *connection, const char *bytes, size_t length) {
  unsigned count = 0;
  const char *end = bytes + length;
  for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
    if ((at == bytes ? connection->last_byte : at[-1]) == '\n') count++;
  connection->last_byte = end[-1];
  return count;
}

static void read_stamps(const char *bytes, size_t length) {
  const char *end = bytes + length;
  int64_t now = now_ns();
  while ((bytes = memmem(bytes, (size_t)(end - bytes), STAMP, strlen(STAMP))) != NULL && end - bytes > 21) {
    bytes += strlen(STAMP);
    char digits[17] = {0};
    memcpy(digits, bytes, 16);
    sample(&event_delays, now - strtoll(digits, NULL, 16));
  }
}

static void take_body(Connection *connection, const char *bytes, size_t length) {
  if (length == 0) return;
  if (connection->first_ns == 0) connection->first_ns = now_ns();
  all_bytes += length;
  connection->body_bytes += length;
  keep_tail(connection, bytes, length);
  if (min_events > 0) connection->events += count_events(connection, bytes, length);
  if (reads_stamps && !connection->is_slow) read_stamps(bytes, length);
}

static const char *header(const char *head, const char *name) {
  for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, name, strlen(name)) == 0) return line + 2 + strlen(name);
  return NULL;
}

/* Takes the head's next bytes. Gives how many of them belong to it. */
static size_t take_head(Connection *connection, const char *bytes, size_t length) {
  size_t before = connection->head_length, room = sizeof connection->head - 1 - before;
  size_t taken = length < room ? length : room;
  memcpy(connection->head + before, bytes, taken);
  connection->head[before + taken] = 0;
  connection->head_length += taken;
  char *end = strstr(connection->head, "\r\n\r\n");
  if (!end) return taken == 0 ? length : taken;
  end[2] = 0;
  const char *size = header(connection->head, "content-length:");
  const char *coding = header(connection->head, "transfer-encoding:");
  const char *keep = header(connection->head, "connection:");
  connection->status = atoi(connection->head + 9);
  connection->must_close = keep != NULL && strncasecmp(keep + strspn(keep, " "), "close", 5) == 0;
  connection->left = size ? atoll(size) : 0;
  connection->place = coding ? CHUNK_SIZE : size ? SIZED_BODY : UNTIL_CLOSE;
  connection->line_length = 0;
  return (size_t)(end + 4 - connection->head) - before;
}

/* Collects a line, and tells when it is whole. */
static bool take_line(Connection *connection, char byte) {
  if (byte != '\n') {
    if (byte != '\r' && connection->line_length < sizeof connection->line - 1)
      connection->line[connection->line_length++] = byte;
    return false;
  }
  connection->line[connection->line_length] = 0;
  return true;
}

static size_t take_data(Connection *connection, const char *bytes, size_t length) {
  size_t taken = (long long)length < connection->left ? length : (size_t)connection->left;
  take_body(connection, bytes, taken);
  connection->left -= (long long)taken;
  return taken;
}

static void receive(Connection *connection, const char *bytes, size_t length) {
  const char *end = bytes + length;
  while (bytes < end && connection->is_busy) {
    switch (connection->place) {
      case HEAD:
        bytes += take_head(connection, bytes, (size_t)(end - bytes));
        if (connection->place == SIZED_BODY && connection->left == 0) {
          finish_call(connection);
          return;
        }
        break;
      case SIZED_BODY:
        bytes += take_data(connection, bytes, (size_t)(end - bytes));
        if (connection->left == 0) {
          finish_call(connection);
          return;
        }
        break;
      case CHUNK_SIZE:
        if (take_line(connection, *bytes++)) {
          connection->left = strtoll(connection->line, NULL, 16);
          connection->place = connection->left > 0 ? CHUNK_DATA : TRAILERS;
          connection->line_length = 0;
        }
        break;
      case CHUNK_DATA:
        bytes += take_data(connection, bytes, (size_t)(end - bytes));
        if (connection->left == 0) connection->place = CHUNK_END;
        break;
      case CHUNK_END:
        if (*bytes++ == '\n') connection->place = CHUNK_SIZE;
        break;
      case TRAILERS:
        if (take_line(connection, *bytes++)) {
          if (connection->line_length == 0) {
            finish_call(connection);
            return;
          }
          connection->line_length = 0;
        }
        break;
      case UNTIL_CLOSE:
        take_body(connection, bytes, (size_t)(end - bytes));
        bytes = end;
    }
  }
}

static void closed_by_peer(Connection *connection) {
  if (!connection->is_busy) disconnect(connection); /* a connection that was kept alive long enough */
  else if (connection->is_connecting) fail_call(connection, &errors.connect);
  else if (connection->place == UNTIL_CLOSE) {
    connection->must_close = true;
    finish_call(connection);
  } else fail_call(connection, &errors.cut);
}

static void on_ready(Connection *connection, uint32_t ready) {
  static char buffer[262144];
  if (ready & EPOLLOUT) {
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) {
      closed_by_peer(connection);
      return;
    }
    connection->is_connecting = false;
    write_request(connection);
  }
  if (!connection->is_open || !(ready & ~(uint32_t)EPOLLOUT)) return;
  ssize_t length = read(connection->fd, buffer, sizeof buffer);
  if (length > 0) receive(connection, buffer, (size_t)length);
  else if (length == 0 || errno != EAGAIN) closed_by_peer(connection);
}

/* Takes a little of what waits for each slow reader. */
static void read_slowly(void) {
  static char buffer[65536];
  for (int i = 0; i < connection_count; i++) {
    Connection *connection = &connections[i];
    if (!connection->is_slow || !connection->is_busy || !connection->is_open || connection->is_connecting) continue;
    ssize_t length = read(connection->fd, buffer, slow_bytes < sizeof buffer ? slow_bytes : sizeof buffer);
    if (length > 0) receive(connection, buffer, (size_t)length);
    else if (length == 0 || errno != EAGAIN) closed_by_peer(connection);
  }
}

/* The slow readers become ordinary ones. */
static void end_slowness(void) {
  are_slow = false;
  for (int i = 0; i < connection_count; i++) {
    Connection *connection = &connections[i];
    if (!connection->is_slow || !connection->is_open) continue;
    watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN | (connection->is_writing ? EPOLLOUT : 0), connection);
  }
}

static int ascending(const void *a, const void *b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return left < right ? -1 : left > right;
}

static void print_samples(const char *name, Samples *samples) {
  if (samples->count == 0) {
    printf("\"%s\":null,", name);
    return;
  }
  qsort(samples->microseconds, samples->count, sizeof(uint32_t), ascending);
  printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name, samples->microseconds[samples->count / 2] / 1e3,
         samples->microseconds[samples->count * 99 / 100] / 1e3, samples->microseconds[samples->count - 1] / 1e3);
}

static void print_result(double cpu_seconds) {
  double seconds = (double)((last_end_ns > begin_ns ? last_end_ns : now_ns()) - begin_ns) / SECOND_NS;
  printf("{\"calls\":%lu,\"events\":%lu,\"bytes\":%llu,\"seconds\":%.4f,", calls, all_events, all_bytes, seconds);
  print_samples("firstMs", &first_bytes);
  print_samples("lastMs", &last_bytes);
  print_samples("eventMs", &event_delays);
  printf("\"errors\":{\"connect\":%lu,\"status\":%lu,\"cut\":%lu,\"ending\":%lu,\"length\":%lu,\"unfinished\":%d},"
         "\"firstStatus\":%d,\"cpuSeconds\":%.3f}\n",
         errors.connect, errors.status, errors.cut, errors.ending, errors.length, busy_count, errors.first_status, cpu_seconds);
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv) {
  settle_in();
  port = (int)number(argc, argv, "--port", "0");
  connection_count = (int)number(argc, argv, "--connections", "32");
  rate = number(argc, argv, "--rate", "0");
  most_calls = (unsigned long)number(argc, argv, "--calls", "0");
  ends_with = option(argc, argv, "--ends-with", "");
  min_events = (unsigned)number(argc, argv, "--min-events", "0");
  reads_stamps = number(argc, argv, "--stamps", "0") > 0;
  for (int i = 1; i + 1 < argc && request_count < 64; i++)
    if (strcmp(argv[i], "--request") == 0) read_request(argv[i + 1], &requests[request_count++]);
  if (request_count == 0) die("no --request");

  known_runs = (unsigned long)number(argc, argv, "--runs", "0");
  known_keys = (unsigned long)number(argc, argv, "--keys", "0");
  wanted_bytes = (unsigned long long)number(argc, argv, "--body-bytes", "0");
  slow_wanted_bytes = (unsigned long long)number(argc, argv, "--slow-body-bytes", "0");
  slow_count = (int)number(argc, argv, "--slow", "0");
  slow_bytes = (size_t)number(argc, argv, "--slow-bytes", "256");
  int slow_ms = (int)number(argc, argv, "--slow-ms", "100");
  double slow_until = number(argc, argv, "--slow-until", "0");
  are_slow = slow_count > 0 && slow_until > 0;
  slow_request = requests[0];
  const char *slow_path = option(argc, argv, "--slow-request", "");
  if (slow_path[0]) read_request(slow_path, &slow_request);

  epoll = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  watch(epoll, EPOLL_CTL_ADD, timer, EPOLLIN, &timer);
  connections = calloc((size_t)connection_count, sizeof *connections);
  begin_ns = next_start_ns = now_ns();
  deadline_ns = begin_ns + (int64_t)(number(argc, argv, "--seconds", "3") * SECOND_NS);
  runs = (unsigned long)begin_ns / 1000; /* no two processes name the same runs */
  for (int i = connection_count - 1; i >= 0; i--) {
    /* Spread evenly over all. */
    connections[i].is_slow = (long long)(i + 1) * slow_count / connection_count != (long long)i * slow_count / connection_count;
    connections[i].idle_next = idle;
    idle = &connections[i];
  }
  if (rate == 0) {
    overdue = (unsigned long)connection_count;
    if (most_calls > 0 && most_calls < overdue) overdue = most_calls;
    start_waiting_call();
  }
  int64_t armed_ns = 0, slow_ns = begin_ns, ordinary_ns = begin_ns + (int64_t)(slow_until * SECOND_NS);
  for (;;) {
    if (rate > 0) begin_due_calls();
    bool more = rate > 0 && next_start_ns < deadline_ns && (most_calls == 0 || begun + overdue < most_calls);
    int64_t now = now_ns();
    if ((!more && busy_count == 0) || now > deadline_ns + PATIENCE_NS) break;
    if (more) arm(timer, armed_ns = next_start_ns);
    else if (armed_ns <= now) arm(timer, armed_ns = now + SECOND_NS);
    struct epoll_event ready[512];
    int count = epoll_wait(epoll, ready, 512, are_slow ? slow_ms : -1);
    if (are_slow && now_ns() >= ordinary_ns) end_slowness();
    else if (are_slow && now_ns() >= slow_ns) {
      slow_ns = now_ns() + slow_ms * (SECOND_NS / 1000);
      read_slowly();
    }
    for (int i = 0; i < count; i++) {
      uint64_t fired;
      if (ready[i].data.ptr != &timer) on_ready(ready[i].data.ptr, ready[i].events);
      else if (read(timer, &fired, sizeof fired) < 0) continue;
    }
  }
  print_result(cpu_seconds());
}
