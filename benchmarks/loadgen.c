/* A load generator for servers of the room protocol (docs/protocol.md), part 1.
 *
 * One process, one epoll loop and raw WebSocket frames, so that it is never the slow side. In each
 * room it connects one publisher and a number of subscribers; all of them ask for the key "k".
 * Then every publisher pushes, with at most WINDOW pushes whose own echo it still waits for.
 * A push carries the time when it was made, so that every delivery tells how long it took.
 *
 * usage: loadgen [-b] [-t] [-a ACTION] [-h HEADER] HOST PORT PREFIX SUBSCRIBERS MESSAGES WINDOW
 *                PAYLOAD RATE SECONDS ROOM...
 *   -b          speak CBOR in place of JSON
 *   -t          over TLS, any certificate will do (where it was compiled with -DWITH_TLS)
 *   -a ACTION   relay (default), append or replace
 *   -h HEADER   one more line for the handshake, as "Authorization: token abc"
 *   PAYLOAD     bytes of the pushed string
 *   RATE        pushes a second and room; 0: as fast as the window allows
 *   SECONDS     when to give up
 *
 * Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
enum { STAMP_DIGITS = 20, EVENTS = 512, LATENCIES_MAX = 20000000 };

struct bytes {
  uint8_t *data;
  size_t length, capacity;
};

struct connection {
  int fd, room;
  bool publishes, answered, closed, wants_write;
  long last_seq;
  struct bytes in, out;
#ifdef WITH_TLS
  SSL *tls;
#endif
};

struct room {
  struct connection *publisher;
  long sent, echoed;
  double next; /* when the next push is due, where there is a rate */
};

static struct {
  bool cbor, tls;
  const char *action, *header, *host, *prefix;
  int port, subscribers, payload;
  long messages, window;
  double rate, seconds;
} options = {.action = "relay"};

static struct {
  long delivered, bytes, gaps, reordered, errors, closed, answered, latencies;
} seen;

static uint32_t *latencies; /* microseconds */
static char *padding;
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

static double seconds(void) { return (double)nanoseconds() * 1e-9; }

static uint8_t *grow(struct bytes *b, size_t more) {
  if (b->length + more > b->capacity) {
    b->capacity = 2 * (b->length + more);
    b->data = realloc(b->data, b->capacity);
    if (!b->data) die("memory");
  }
  return b->data + b->length;
}

/* A mask that nobody foresees (RFC 6455, section 5.3), from a generator that costs next to nothing:
 * the server's unmasking is what is measured, and a constant mask would be another thing. */
static uint32_t next_mask(void) {
  static uint64_t state;
  if (!state && getrandom(&state, sizeof state, 0) < 0) die("getrandom");
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (uint32_t)(state >> 16);
}

static void put_frame(struct connection *c, int opcode, const void *content, size_t length) {
  uint8_t *at = grow(&c->out, length + 14), *start = at;
  *at++ = (uint8_t)(0x80 | opcode);
  if (length < 126) {
    *at++ = (uint8_t)(0x80 | length);
  } else if (length < 65536) {
    *at++ = 0x80 | 126, *at++ = (uint8_t)(length >> 8), *at++ = (uint8_t)length;
  } else {
    *at++ = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = (uint8_t)((uint64_t)length >> shift);
  }
  uint32_t mask = next_mask();
  memcpy(at, &mask, 4), at += 4;
  memcpy(at, content, length);
  size_t i = 0;
  for (; i + 4 <= length; i += 4) {
    uint32_t word;
    memcpy(&word, at + i, 4), word ^= mask, memcpy(at + i, &word, 4);
  }
  for (; i < length; i++) at[i] ^= ((uint8_t *)&mask)[i % 4];
  c->out.length += (size_t)(at - start) + length;
}

static void end(struct connection *c) {
  if (c->closed) return;
  c->closed = true, seen.closed++;
  epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
}

static ssize_t transmit(struct connection *c, const void *data, size_t length) {
#ifdef WITH_TLS
  if (c->tls) {
    int n = SSL_write(c->tls, data, (int)length);
    if (n <= 0 && SSL_get_error(c->tls, n) == SSL_ERROR_WANT_WRITE) errno = EAGAIN;
    return n > 0 ? n : -1;
  }
#endif
  return send(c->fd, data, length, MSG_NOSIGNAL);
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

static void flush(struct connection *c) {
  size_t sent = 0;
  while (!c->closed && sent < c->out.length) {
    ssize_t n = transmit(c, c->out.data + sent, c->out.length - sent);
    if (n > 0) sent += (size_t)n;
    else if (errno == EAGAIN) break;
    else end(c);
  }
  c->out.length -= sent;
  memmove(c->out.data, c->out.data + sent, c->out.length);
  bool waits = c->out.length > 0;
  if (waits != c->wants_write && !c->closed) {
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
    c->wants_write = waits;
  }
}

static size_t put_cbor_text(uint8_t *at, const char *text, size_t length) {
  size_t head = length < 24 ? 1 : length < 256 ? 2 : 3;
  if (head == 1) at[0] = (uint8_t)(0x60 | length);
  else if (head == 2) at[0] = 0x78, at[1] = (uint8_t)length;
  else at[0] = 0x79, at[1] = (uint8_t)(length >> 8), at[2] = (uint8_t)length;
  memcpy(at + head, text, length);
  return head + length;
}

static size_t put_cbor_words(uint8_t *at, const char *const *words, int count) {
  size_t length = 0;
  for (int i = 0; i < count; i++) length += put_cbor_text(at + length, words[i], strlen(words[i]));
  return length;
}

static void push(struct room *room) {
  static char value[1 << 20], message[(1 << 20) + 256];
  int length = snprintf(value, sizeof value, "T%0*llu%s", STAMP_DIGITS,
                        (unsigned long long)nanoseconds(), padding);
  size_t n = 0;
  if (options.cbor) {
    uint8_t *at = (uint8_t *)message;
    at[n++] = 0xa4;
    n += put_cbor_words(at + n, (const char *const[]){"type", "push", "key", "k", "action"}, 5);
    at[n++] = 0xa1;
    n += put_cbor_words(at + n, (const char *const[]){"type", options.action, "value"}, 3);
    n += put_cbor_text(at + n, value, (size_t)length);
  } else {
    n = (size_t)snprintf(message, sizeof message,
                         "{\"type\":\"push\",\"key\":\"k\",\"action\":{\"type\":\"%s\"},"
                         "\"value\":\"%s\"}",
                         options.action, value);
  }
  put_frame(room->publisher, options.cbor ? BINARY : TEXT, message, n);
  room->sent++;
}

/* The sequence number behind the name "seq" of a message, -1 where there is none. */
static long seq_of(const uint8_t *message, size_t length) {
  if (!options.cbor) {
    const char *at = memmem(message, length, "\"seq\":", 6);
    return at ? strtol(at + 6, NULL, 10) : -1;
  }
  const uint8_t *at = memmem(message, length, "\x63seq", 4);
  if (!at) return -1;
  at += 4;
  int info = *at & 31;
  if (info < 24) return info;
  long number = 0;
  for (int i = 1; i <= 1 << (info - 24); i++) number = number << 8 | at[i];
  return number;
}

static void take_push(struct connection *c, struct room *rooms, const uint8_t *message,
                      size_t length, uint64_t now) {
  const char *stamp = memmem(message, length, "T0", 2);
  if (stamp && seen.latencies < LATENCIES_MAX) {
    uint64_t took = (now - strtoull(stamp + 1, NULL, 10)) / 1000;
    latencies[seen.latencies++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
  }
  long seq = seq_of(message, length);
  if (seq <= c->last_seq) {
    seen.reordered++;
  } else {
    if (c->last_seq) seen.gaps += seq - c->last_seq - 1;
    c->last_seq = seq;
  }
  seen.delivered++;
  if (c->publishes) rooms[c->room].echoed++;
}

static void take_message(struct connection *c, struct room *rooms, const uint8_t *message,
                         size_t length, uint64_t now) {
  /* Every server that is measured writes the type first. */
  size_t head = length < 32 ? length : 32;
  if (memmem(message, head, "push", 4)) {
    take_push(c, rooms, message, length, now);
  } else if (memmem(message, head, "init", 4)) {
    if (!c->answered) c->answered = true, seen.answered++;
  } else if (memmem(message, head, "error", 5)) {
    seen.errors++;
  }
}

static void take_frames(struct connection *c, struct room *rooms) {
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
    if (opcode == TEXT || opcode == BINARY) take_message(c, rooms, frame + head, length, now);
    else if (opcode == PING) put_frame(c, PONG, frame + head, length), flush(c);
    else if (opcode == CLOSE) end(c);
    at += head + length;
  }
  c->in.length -= at;
  memmove(c->in.data, c->in.data + at, c->in.length);
}

static void read_all(struct connection *c, struct room *rooms) {
  while (!c->closed) {
    ssize_t n = receive(c, grow(&c->in, 65536), 65536);
    if (n <= 0) {
      if (n == 0 || errno != EAGAIN) end(c);
      break;
    }
    c->in.length += (size_t)n, seen.bytes += n;
  }
  take_frames(c, rooms);
}

static void shake_hands(struct connection *c, const char *room) {
  char text[4096];
  int length = snprintf(text, sizeof text,
                        "GET %s/room/%s/connect%s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n%s%s\r\n",
                        options.prefix, room, options.cbor ? "?cbor=true" : "", options.host,
                        options.port, options.header ? options.header : "",
                        options.header ? "\r\n" : "");
  if (transmit(c, text, (size_t)length) != length) die("handshake");
  size_t got = 0; /* byte by byte: what follows belongs to the WebSocket */
  while (got < 4 || memcmp(text + got - 4, "\r\n\r\n", 4)) {
    if (got == sizeof text || receive(c, text + got, 1) != 1) die("handshake");
    got++;
  }
  if (memcmp(text, "HTTP/1.1 101", 12)) {
    fprintf(stderr, "loadgen: expected 101, got %.*s\n", (int)strcspn(text, "\r"), text);
    exit(1);
  }
}

static void open_connection(struct connection *c, const char *room) {
  static const char get_json[] = "{\"type\":\"get\",\"key\":\"k\",\"seq\":0}";
  static const char get_cbor[] = "\xa3\x64type\x63get\x63key\x61k\x63seq\x00";
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  int yes = 1;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  inet_pton(AF_INET, options.host, &address.sin_addr);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
#ifdef WITH_TLS
  if (options.tls) {
    static SSL_CTX *context;
    if (!context) context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    c->tls = SSL_new(context);
    SSL_set_fd(c->tls, c->fd);
    if (SSL_connect(c->tls) != 1) die("TLS handshake");
  }
#endif
  shake_hands(c, room);
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
  if (options.cbor) put_frame(c, BINARY, get_cbor, sizeof get_cbor - 1);
  else put_frame(c, TEXT, get_json, sizeof get_json - 1);
  flush(c);
}

static void publish(struct room *rooms, int count, double now) {
  for (struct room *room = rooms; room < rooms + count; room++) {
    bool pushed = false;
    while (!room->publisher->closed && room->sent < options.messages &&
           room->sent - room->echoed < options.window && (!options.rate || now >= room->next)) {
      push(room), pushed = true;
      if (options.rate) room->next += 1 / options.rate;
    }
    if (pushed) flush(room->publisher);
  }
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static unsigned quantile(double q) {
  return seen.latencies ? latencies[(long)((double)(seen.latencies - 1) * q)] : 0;
}

int main(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "+bta:h:")) != -1;) {
    if (option == 'b') options.cbor = true;
    else if (option == 't') options.tls = true;
    else if (option == 'a') options.action = optarg;
    else if (option == 'h') options.header = optarg;
    else return 2;
  }
  argv += optind, argc -= optind;
  if (argc < 10) {
    fprintf(stderr, "loadgen: the usage stands at the head of loadgen.c\n");
    return 2;
  }
#ifndef WITH_TLS
  if (options.tls) {
    fprintf(stderr, "loadgen: compiled without TLS\n");
    return 2;
  }
#endif
  options.host = argv[0], options.port = atoi(argv[1]), options.prefix = argv[2];
  options.subscribers = atoi(argv[3]), options.messages = atol(argv[4]);
  options.window = atol(argv[5]), options.payload = atoi(argv[6]);
  options.rate = atof(argv[7]), options.seconds = atof(argv[8]);
  char **names = argv + 9;
  int count = argc - 9, each = options.subscribers + 1, total = count * each;

  int pad = options.payload > STAMP_DIGITS + 1 ? options.payload - STAMP_DIGITS - 1 : 0;
  padding = calloc((size_t)pad + 1, 1);
  memset(padding, 'x', (size_t)pad);
  latencies = malloc(sizeof *latencies * LATENCIES_MAX);
  struct connection *connections = calloc((size_t)total, sizeof *connections);
  struct room *rooms = calloc((size_t)count, sizeof *rooms);
  poller = epoll_create1(0);

  double before = seconds();
  for (int i = 0; i < total; i++) {
    struct connection *c = &connections[i];
    c->room = i / each, c->publishes = i % each == 0;
    if (c->publishes) rooms[c->room].publisher = c;
    open_connection(c, names[c->room]);
  }
  double connecting = seconds() - before, start = 0, now = seconds(), deadline = now + 60;
  long wanted = (long)total * options.messages;
  struct epoll_event events[EVENTS];
  while (now < deadline && seen.delivered < wanted && seen.closed < total) {
    if (!start && seen.answered == total) {
      start = now, deadline = now + options.seconds;
      for (int r = 0; r < count; r++)
        rooms[r].next = now + (options.rate ? r / (options.rate * count) : 0);
    }
    if (start) publish(rooms, count, now);
    int ready = epoll_wait(poller, events, EVENTS, start && options.rate ? 0 : 50);
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) flush(c);
      read_all(c, rooms);
    }
    now = seconds();
  }
  double took = start ? now - start : 0;
  long sent = 0;
  for (int r = 0; r < count; r++) sent += rooms[r].sent;
  qsort(latencies, (size_t)seen.latencies, sizeof *latencies, ascending);
  printf("{\"connections\":%d,\"sent\":%ld,\"delivered\":%ld,\"lost\":%ld,\"gaps\":%ld,"
         "\"reordered\":%ld,\"errors\":%ld,\"closed\":%ld,\"connect_seconds\":%.4f,"
         "\"seconds\":%.4f,\"messages_per_second\":%.0f,\"deliveries_per_second\":%.0f,"
         "\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u}\n",
         total, sent, seen.delivered, sent * each - seen.delivered, seen.gaps, seen.reordered,
         seen.errors, seen.closed, connecting, took, took ? (double)sent / took : 0,
         took ? (double)seen.delivered / took : 0, quantile(.5), quantile(.99), quantile(.999));
  return 0;
}
