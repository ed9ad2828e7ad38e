/* A load generator for servers of the room protocol (docs/protocol.md, part 1).
 *
 * One process, one epoll loop and raw WebSocket frames, so that it is never the slow side. In each
 * room it connects one publisher and a number of subscribers, and all of them ask for the key "k".
 * Then every publisher pushes, with at most WINDOW pushes whose own echo it still waits for.
 * A push carries the time when it was made, so that every delivery tells how long it took.
 *
 * usage: loadgen [-b] [-t] [-k] [-a ACTION] [-h HEADER] [-p PID] HOST PORT PREFIX SUBSCRIBERS
 *                MESSAGES WINDOW PAYLOAD RATE SECONDS ROOM...
 *   -b          speak CBOR in place of JSON
 *   -t          over TLS, with any certificate (only where compiled with -DWITH_TLS)
 *   -k          keep all connections open until standard input ends
 *   -a ACTION   relay (default), append or replace
 *   -h HEADER   one more line for the handshake, as "Authorization: token abc"
 *   -p PID      the server's process: report the processor time that it took for the exchange
 *   MESSAGES    how many each publisher pushes; 0: connect and subscribe only
 *   PAYLOAD     bytes of the pushed string
 *   RATE        pushes a second and room; 0: as fast as the window allows
 *   SECONDS     when to give up
 *
 * Prints one JSON object. A server that loses messages leaves publishers waiting for echoes that
 * never come: after STALLED_SECONDS without any message the run is over, and the time ends with
 * the last delivery, so that the silence isn't held against the server's speed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

enum { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { STAMP_DIGITS = 20, VALUE_MAX = 60000, EVENTS = 512, READ_BYTES = 65536 };
enum { LATENCIES_MAX = 20000000, CONNECT_SECONDS = 60, STALLED_SECONDS = 3 };
/* Handshakes under way at a time: below the listen backlog of every server that is measured. */
enum { HANDSHAKES = 32 };

struct bytes {
  uint8_t *data;
  size_t length, capacity;
};

struct connection {
  int fd;
  struct room *room;
  bool answered, closed, wants_write;
  long last_seq;
  struct bytes in, out;
#ifdef WITH_TLS
  SSL *tls;
#endif
};

struct room {
  const char *name;
  struct connection *publisher;
  long sent, echoed;
  double next; /* when the next push is due, where there is a rate */
};

static struct {
  bool cbor, tls, keep;
  const char *action, *header, *host, *prefix;
  int port, subscribers, payload;
  pid_t server;
  long messages, window;
  double rate, seconds;
} options = {.action = "relay"};

static struct {
  double last; /* when the newest delivery was taken */
  long delivered, gaps, reordered, errors, closed, answered, latencies;
} seen;

static struct room *rooms;
static struct connection *connections;
static int room_count, connection_count;
static uint32_t *latencies; /* microseconds */
static int poller;

static void die(const char *what) {
  fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t nanoseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The processor time of the server so far: what other work on the machine changes least. */
static double server_seconds(void) {
  clockid_t clock;
  struct timespec t;
  if (!options.server) return 0;
  if (clock_getcpuclockid(options.server, &clock) || clock_gettime(clock, &t)) die("-p");
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds(void) { return (double)nanoseconds() * 1e-9; }

/* Room for so many bytes more, and where they go. */
static uint8_t *grow(struct bytes *b, size_t more) {
  if (b->length + more > b->capacity) {
    b->capacity = 2 * (b->length + more);
    b->data = realloc(b->data, b->capacity);
    if (!b->data) die("memory");
  }
  return b->data + b->length;
}

static void drop(struct bytes *b, size_t length) {
  b->length -= length;
  memmove(b->data, b->data + length, b->length);
}

/* ---- the socket ---- */

static ssize_t transmit(struct connection *c, const void *data, size_t length) {
#ifdef WITH_TLS
  if (c->tls) {
    int n = SSL_write(c->tls, data, (int)length);
    if (n > 0) return n;
    errno = SSL_get_error(c->tls, n) == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
  }
#endif
  return send(c->fd, data, length, 0);
}

static ssize_t receive(struct connection *c, void *data, size_t length) {
#ifdef WITH_TLS
  if (c->tls) {
    int n = SSL_read(c->tls, data, (int)length);
    if (n > 0) return n;
    errno = SSL_get_error(c->tls, n) == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
    return -1;
  }
#endif
  return recv(c->fd, data, length, 0);
}

static void end(struct connection *c) {
  if (c->closed) return;
  c->closed = true, seen.closed++;
  epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
}

static void flush(struct connection *c) {
  size_t sent = 0;
  while (!c->closed && sent < c->out.length) {
    ssize_t n = transmit(c, c->out.data + sent, c->out.length - sent);
    if (n > 0) sent += (size_t)n;
    else if (errno == EAGAIN) break;
    else end(c);
  }
  drop(&c->out, sent);
  bool waits = c->out.length > 0;
  if (waits != c->wants_write && !c->closed) {
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    c->wants_write = waits;
  }
}

/* ---- what is sent ---- */

/* A mask that nobody foresees (RFC 6455, section 5.3), from a generator that costs next to nothing.
 * With a zero mask the server's unmasking would be measured on data that no browser sends. */
static uint32_t next_mask(void) {
  static uint64_t state;
  if (!state && getrandom(&state, sizeof state, 0) < 0) die("getrandom");
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (uint32_t)(state >> 16);
}

/* Eight bytes at a time, so that masking never is what takes the time. */
static void copy_masked(uint8_t *to, const uint8_t *from, size_t length, uint32_t mask) {
  uint64_t both = (uint64_t)mask << 32 | mask, eight;
  size_t i = 0;
  for (; i + 8 <= length; i += 8) {
    memcpy(&eight, from + i, 8);
    eight ^= both;
    memcpy(to + i, &eight, 8);
  }
  for (; i < length; i++) to[i] = from[i] ^ ((uint8_t *)&mask)[i % 4];
}

static void put_frame(struct connection *c, int opcode, const void *content, size_t length) {
  uint8_t *at = grow(&c->out, length + 14);
  *at++ = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    *at++ = (uint8_t)(0x80 | length);
  } else { /* VALUE_MAX keeps it below 64 KiB */
    *at++ = 0x80 | 126, *at++ = (uint8_t)(length >> 8), *at++ = (uint8_t)length;
  }
  uint32_t mask = next_mask();
  memcpy(at, &mask, 4);
  copy_masked(at + 4, content, length, mask);
  c->out.length = (size_t)(at - c->out.data) + 4 + length;
}

static size_t put_cbor_text(uint8_t *at, const char *text) {
  size_t length = strlen(text), head = length < 24 ? 1 : length < 256 ? 2 : 3;
  if (head == 1) at[0] = (uint8_t)(0x60 | length);
  else if (head == 2) at[0] = 0x78, at[1] = (uint8_t)length;
  else at[0] = 0x79, at[1] = (uint8_t)(length >> 8), at[2] = (uint8_t)length;
  memcpy(at + head, text, length);
  return head + length;
}

static size_t push_as_cbor(uint8_t *at, const char *value) {
  const char *words[] = {"type", "push",         "key",   "k",  "action", NULL,
                         "type", options.action, "value", value};
  size_t length = 0;
  at[length++] = 0xa4; /* a map of four: type, key, action, value */
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (words[i]) length += put_cbor_text(at + length, words[i]);
    else at[length++] = 0xa1; /* the action: a map of one, its type */
  }
  return length;
}

static size_t push_as_json(uint8_t *at, size_t size, const char *value) {
  return (size_t)snprintf((char *)at, size,
                          "{\"type\":\"push\",\"key\":\"k\",\"action\":{\"type\":\"%s\"},"
                          "\"value\":\"%s\"}",
                          options.action, value);
}

static void push(struct room *room) {
  static char value[VALUE_MAX + 1];
  static uint8_t message[VALUE_MAX + 256];
  if (!value[0]) memset(value, 'x', (size_t)options.payload);
  char stamp[STAMP_DIGITS + 2];
  int length = snprintf(stamp, sizeof stamp, "T%0*llu", STAMP_DIGITS,
                        (unsigned long long)nanoseconds());
  memcpy(value, stamp, (size_t)length);
  put_frame(room->publisher, options.cbor ? BINARY : TEXT, message,
            options.cbor ? push_as_cbor(message, value)
                         : push_as_json(message, sizeof message, value));
  room->sent++;
}

static void subscribe(struct connection *c) {
  static const char json[] = "{\"type\":\"get\",\"key\":\"k\",\"seq\":0}";
  static const char cbor[] = "\xa3\x64type\x63get\x63key\x61k\x63seq\x00";
  if (options.cbor) put_frame(c, BINARY, cbor, sizeof cbor - 1);
  else put_frame(c, TEXT, json, sizeof json - 1);
  flush(c);
}

/* All that is due: what the windows and the rate allow. */
static void publish(double now) {
  for (struct room *room = rooms; room < rooms + room_count; room++) {
    bool pushed = false;
    while (!room->publisher->closed && room->sent < options.messages &&
           room->sent - room->echoed < options.window && (!options.rate || now >= room->next)) {
      push(room), pushed = true;
      if (options.rate) room->next += 1 / options.rate;
    }
    if (pushed) flush(room->publisher);
  }
}

/* ---- what is received ---- */

/* A message's part that begins with these bytes; long values are searched last. */
static const uint8_t *find(const uint8_t *message, size_t length, const char *what) {
  size_t ends = 64, size = strlen(what);
  if (length > 2 * ends) {
    const uint8_t *at = memmem(message, ends, what, size);
    if (!at) at = memmem(message + length - ends, ends, what, size);
    if (at) return at;
  }
  return memmem(message, length, what, size);
}

/* The sequence number of a message, -1 where there is none. */
static long seq_of(const uint8_t *message, size_t length) {
  const uint8_t *at = find(message, length, options.cbor ? "\x63seq" : "\"seq\":");
  if (!at) return -1;
  if (!options.cbor) return strtol((const char *)at + 6, NULL, 10);
  int info = at[4] & 31;
  if (info < 24) return info;
  long number = 0;
  for (int i = 0; i < 1 << (info - 24); i++) number = number << 8 | at[5 + i];
  return number;
}

static void take_push(struct connection *c, const uint8_t *message, size_t length, uint64_t now) {
  const uint8_t *stamp = find(message, length, "T0");
  if (stamp && seen.latencies < LATENCIES_MAX) {
    uint64_t took = (now - strtoull((const char *)stamp + 1, NULL, 10)) / 1000;
    latencies[seen.latencies++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
  }
  long seq = seq_of(message, length);
  if (seq <= c->last_seq) {
    seen.reordered++;
  } else {
    seen.gaps += seq - c->last_seq - 1;
    c->last_seq = seq;
  }
  seen.delivered++, seen.last = (double)now * 1e-9;
  if (c->room->publisher == c) c->room->echoed++;
}

static void take_message(struct connection *c, const uint8_t *message, size_t length,
                         uint64_t now) {
  /* Every server that is measured writes the type first. */
  size_t head = length < 32 ? length : 32;
  if (memmem(message, head, "push", 4)) {
    take_push(c, message, length, now);
  } else if (memmem(message, head, "init", 4)) {
    if (!c->answered) c->answered = true, seen.answered++;
  } else if (memmem(message, head, "error", 5)) {
    seen.errors++;
  }
}

/* The whole frames among what was received; servers neither mask nor fragment. */
static void take_frames(struct connection *c) {
  size_t at = 0;
  uint64_t now = nanoseconds();
  while (c->in.length - at >= 2) {
    uint8_t *frame = c->in.data + at;
    uint64_t length = frame[1] & 127;
    size_t head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (c->in.length - at < head) break;
    if (head > 2) length = 0;
    for (size_t i = 2; i < head; i++) length = length << 8 | frame[i];
    if (c->in.length - at < head + length) break;
    int opcode = frame[0] & 15;
    if (opcode == TEXT || opcode == BINARY) take_message(c, frame + head, length, now);
    else if (opcode == PING) put_frame(c, PONG, frame + head, length), flush(c);
    else if (opcode == CLOSE) end(c);
    at += head + length;
  }
  drop(&c->in, at);
}

static void read_all(struct connection *c) {
  while (!c->closed) {
    ssize_t n = receive(c, grow(&c->in, READ_BYTES), READ_BYTES);
    if (n <= 0) {
      if (n == 0 || errno != EAGAIN) end(c);
      return;
    }
    c->in.length += (size_t)n;
    take_frames(c);
    /* epoll tells of what the socket still has; of what TLS has read already it knows nothing. */
    if (n < READ_BYTES && !options.tls) return;
  }
}

/* Wait for events, at most so long, and handle them; whether there were any. */
static bool turn(int milliseconds) {
  struct epoll_event events[EVENTS];
  int ready = epoll_wait(poller, events, EVENTS, milliseconds);
  for (int i = 0; i < ready; i++) {
    struct connection *c = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) flush(c);
    read_all(c);
  }
  return ready > 0;
}

/* ---- connecting ---- */

#ifdef WITH_TLS
static void encrypt(struct connection *c) {
  static SSL_CTX *context;
  if (!context) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }
  c->tls = SSL_new(context);
  SSL_set_fd(c->tls, c->fd);
  if (SSL_connect(c->tls) != 1) die("TLS handshake");
}
#endif

static void ask_for_upgrade(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  int yes = 1;
  if ((c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) die("socket");
  inet_pton(AF_INET, options.host, &address.sin_addr);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
#ifdef WITH_TLS
  if (options.tls) encrypt(c);
#endif
  char request[4096];
  int length = snprintf(request, sizeof request,
                        "GET %s/room/%s/connect%s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n%s%s\r\n",
                        options.prefix, c->room->name, options.cbor ? "?cbor=true" : "",
                        options.host, options.port, options.header ? options.header : "",
                        options.header ? "\r\n" : "");
  if (transmit(c, request, (size_t)length) != length) die("handshake");
}

static void await_upgrade(struct connection *c) {
  const uint8_t *head_end = NULL;
  while (!head_end) {
    ssize_t n = receive(c, grow(&c->in, READ_BYTES), READ_BYTES);
    if (n <= 0) die("handshake");
    c->in.length += (size_t)n;
    head_end = memmem(c->in.data, c->in.length, "\r\n\r\n", 4);
  }
  if (memcmp(c->in.data, "HTTP/1.1 101", 12)) {
    const char *line = (const char *)c->in.data;
    fprintf(stderr, "loadgen: expected 101, got %.*s\n", (int)strcspn(line, "\r"), line);
    exit(1);
  }
  drop(&c->in, (size_t)(head_end + 4 - c->in.data));
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

/* Several handshakes at a time, so that the server has always something to do; how long it took. */
static double connect_all(void) {
  double before = seconds();
  for (int first = 0; first < connection_count; first += HANDSHAKES) {
    int left = connection_count - first, count = left < HANDSHAKES ? left : HANDSHAKES;
    for (int i = first; i < first + count; i++) ask_for_upgrade(&connections[i]);
    for (int i = first; i < first + count; i++) await_upgrade(&connections[i]);
  }
  return seconds() - before;
}

static void subscribe_all(void) {
  for (int i = 0; i < connection_count; i++) subscribe(&connections[i]);
  for (double deadline = seconds() + CONNECT_SECONDS; seen.answered < connection_count;) {
    turn(50);
    if (seen.closed || seconds() > deadline) {
      fprintf(stderr, "loadgen: expected %d answers to get, got %ld; %ld were closed\n",
              connection_count, seen.answered, seen.closed);
      exit(1);
    }
  }
}

/* ---- the run ---- */

/* Push and receive until all is delivered, or nothing comes any more; how long it took. */
static double exchange(void) {
  long wanted = connection_count * options.messages;
  double start = seconds(), now = start, newest = start;
  for (int r = 0; r < room_count; r++) /* rooms of a rate don't all push in the same moment */
    rooms[r].next = start + (options.rate ? r / (options.rate * room_count) : 0);
  while (seen.delivered < wanted && seen.closed < connection_count &&
         now < start + options.seconds && now < newest + STALLED_SECONDS) {
    publish(now);
    bool any = turn(options.rate ? 0 : 50); /* a rate is kept by not sleeping at all */
    now = seconds();
    if (any) newest = now;
  }
  return newest - start;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static unsigned quantile(double q) {
  return seen.latencies ? latencies[(long)((double)(seen.latencies - 1) * q)] : 0;
}

static void report(double connecting, double took, double server_took) {
  long sent = 0;
  for (int r = 0; r < room_count; r++) sent += rooms[r].sent;
  qsort(latencies, (size_t)seen.latencies, sizeof *latencies, ascending);
  printf("{\"connections\":%d,\"sent\":%ld,\"unsent\":%ld,\"delivered\":%ld,\"lost\":%ld,"
         "\"gaps\":%ld,\"reordered\":%ld,\"errors\":%ld,\"closed\":%ld,\"connect_seconds\":%.4f,"
         "\"seconds\":%.4f,\"server_seconds\":%.6f,\"deliveries_per_second\":%.0f,"
         "\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u}\n",
         connection_count, sent, room_count * options.messages - sent, seen.delivered,
         sent * (options.subscribers + 1) - seen.delivered, seen.gaps, seen.reordered, seen.errors,
         seen.closed, connecting, took, server_took, took ? (double)seen.delivered / took : 0, quantile(.5), quantile(.99), quantile(.999));
  fflush(stdout);
}

static bool read_options(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "+btka:h:p:")) != -1;) {
    if (option == 'b') options.cbor = true;
    else if (option == 't') options.tls = true;
    else if (option == 'k') options.keep = true;
    else if (option == 'a') options.action = optarg;
    else if (option == 'h') options.header = optarg;
    else if (option == 'p') options.server = atoi(optarg);
    else return false;
  }
#ifndef WITH_TLS
  if (options.tls) {
    fprintf(stderr, "loadgen: compiled without TLS\n");
    return false;
  }
#endif
  argv += optind, room_count = argc - optind - 9;
  if (room_count < 1) return false;
  options.host = argv[0], options.port = atoi(argv[1]), options.prefix = argv[2];
  options.subscribers = atoi(argv[3]), options.messages = atol(argv[4]);
  options.window = atol(argv[5]), options.payload = atoi(argv[6]);
  options.rate = atof(argv[7]), options.seconds = atof(argv[8]);
  if (options.payload <= STAMP_DIGITS || options.payload > VALUE_MAX) {
    fprintf(stderr, "loadgen: expected PAYLOAD from %d to %d\n", STAMP_DIGITS + 1, VALUE_MAX);
    return false;
  }
  int each = options.subscribers + 1;
  connection_count = room_count * each;
  connections = calloc((size_t)connection_count, sizeof *connections);
  rooms = calloc((size_t)room_count, sizeof *rooms);
  latencies = malloc(sizeof *latencies * LATENCIES_MAX);
  if (!connections || !rooms || !latencies) die("memory");
  for (int i = 0; i < connection_count; i++) connections[i].room = &rooms[i / each];
  for (int r = 0; r < room_count; r++)
    rooms[r].name = argv[9 + r], rooms[r].publisher = &connections[r * each];
  return true;
}

int main(int argc, char **argv) {
  if (!read_options(argc, argv)) {
    fprintf(stderr, "loadgen: the usage stands at the head of loadgen.c\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN); /* a connection that the server closed is counted, and ends nothing */
  if ((poller = epoll_create1(0)) < 0) die("epoll");
  double connecting = connect_all();
  subscribe_all();
  double before = server_seconds(), took = options.messages ? exchange() : 0;
  report(connecting, took, server_seconds() - before);
  if (options.keep) {
    while (getchar() != EOF) continue;
  }
  return 0;
}
