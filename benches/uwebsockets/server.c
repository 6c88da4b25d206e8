/* A server of uWebSockets, for the benchmarks: server (echo | publish) ADDRESS:PORT [--threads N].
 *
 * It uses the C interface that the Python package socketify brings with it, compiled. An echo server may have several
 * threads, each with a listener of its own; one that publishes has one. */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* From the interface. */

typedef struct app app_t;
typedef struct websocket websocket_t;

typedef struct {
    const char *key, *certificate, *passphrase, *parameters, *authorities, *ciphers;
    int prefer_low_memory;
} context_options_t;

typedef struct {
    int port;
    const char *host;
    int options;
} listen_config_t;

typedef void (*event_t)(websocket_t *, void *);
typedef void (*message_t)(websocket_t *, const char *, size_t, int, void *);
typedef void (*listening_t)(void *, listen_config_t, void *);

typedef struct {
    int compression;
    unsigned int max_payload_length;
    unsigned short idle_timeout;
    unsigned int max_backpressure;
    bool close_on_backpressure_limit;
    bool reset_idle_timeout_on_send;
    bool send_pings_automatically;
    unsigned short max_lifetime;
    void *upgrade;
    event_t open;
    message_t message;
    event_t drain;
    void *ping, *pong, *close, *subscription;
} behavior_t;

app_t *uws_create_app(int tls, context_options_t options);
void uws_ws(int tls, app_t *app, const char *pattern, behavior_t behavior, void *data);
void uws_app_listen_with_config(int tls, app_t *app, listen_config_t config, listening_t then, void *data);
void uws_app_run(int tls, app_t *app);
int uws_ws_send(int tls, websocket_t *ws, const char *message, size_t len, int opcode);
bool uws_ws_subscribe(int tls, websocket_t *ws, const char *topic, size_t len);
bool uws_publish(int tls, app_t *app, const char *topic, size_t topic_len, const char *message, size_t len, int opcode,
                 bool compress);

/* The server. */

static const char *host;
static int port;
static bool publishes;
static app_t *publisher;
static pthread_mutex_t beginning = PTHREAD_MUTEX_INITIALIZER;

static void echo(websocket_t *ws, const char *message, size_t len, int opcode, void *data) {
    uws_ws_send(0, ws, message, len, opcode);
}

static void publish(websocket_t *ws, const char *message, size_t len, int opcode, void *data) {
    uws_publish(0, publisher, "news", 4, message, len, opcode, false);
}

static void subscribe(websocket_t *ws, void *data) { uws_ws_subscribe(0, ws, "news", 4); }

static void nothing(websocket_t *ws, void *data) {}

static void listening(void *socket, listen_config_t config, void *data) {
    if (!socket) {
        fprintf(stderr, "cannot listen\n");
        exit(1);
    }
    if (data) {
        printf("listening on %s:%d\n", host, port);
        fflush(stdout);
    }
}

/* Returns a free port: uWebSockets shares only ports that are given to it between threads. */
static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    inet_pton(AF_INET, host, &address.sin_addr);
    int found = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(found, (struct sockaddr *)&address, len) || getsockname(found, (struct sockaddr *)&address, &len)) exit(1);
    close(found);
    return ntohs(address.sin_port);
}

/* Serves in this thread; says so if `data` is not null. */
static void *serve(void *data) {
    pthread_mutex_lock(&beginning);
    context_options_t options = {0};
    app_t *app = uws_create_app(0, options);
    publisher = app;
    behavior_t behavior = {.max_payload_length = 64 << 20, .max_backpressure = 64 << 20};
    behavior.open = publishes ? subscribe : nothing;
    behavior.message = publishes ? publish : echo;
    uws_ws(0, app, "/*", behavior, NULL);
    listen_config_t config = {.port = port, .host = host};
    uws_app_listen_with_config(0, app, config, listening, data);
    pthread_mutex_unlock(&beginning);
    uws_app_run(0, app);
    return NULL;
}

int main(int count, char **arguments) {
    char *colon = count == 3 || count == 5 ? strrchr(arguments[2], ':') : NULL;
    int threads = count == 5 && !strcmp(arguments[3], "--threads") ? atoi(arguments[4]) : 1;
    publishes = colon && !strcmp(arguments[1], "publish");
    if (!colon || (!publishes && strcmp(arguments[1], "echo")) || threads < 1 || (publishes && threads > 1)) {
        fprintf(stderr, "usage: %s (echo | publish) ADDRESS:PORT [--threads N]; one that publishes has one\n", arguments[0]);
        return 2;
    }
    *colon = 0;
    host = arguments[2];
    port = atoi(colon + 1);
    if (port == 0) port = free_port();
    for (int begun = 1; begun < threads; begun++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL)) return 1;
    }
    serve(&port);
    return 1;
}
