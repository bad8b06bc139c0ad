/* The ceiling: an epoll loop that answers every send-raw with a constant and reads none of it.
 *
 * It shows what a socket round trip costs on this machine, and that the load generator is faster than
 * any server it is pointed at. For single requests only: a request is over when a read ends with '}'. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 59\r\n\r\n"
    "{\"success\":true,\"message_id\":\"x7y8z9w0\",\"status\":\"queued\"} ";

static void must(int ok, const char *what) {
    if (!ok) exit((perror(what), 1));
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(!bind(fd, (struct sockaddr *)&address, sizeof address) && !listen(fd, 1024), "listen");
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("{\"url\": \"http://127.0.0.1:%d\"}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void add(int epoll_fd, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    must(!epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void serve_one(int fd) {
    static char buffer[65536];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) close(fd);
    else if (buffer[n - 1] == '}') must(write(fd, ANSWER, sizeof ANSWER - 1) > 0, "write");
}

int main(void) {
    struct epoll_event events[1024];
    int on = 1, listener = listen_anywhere(), epoll_fd = epoll_create1(0);
    add(epoll_fd, listener);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 1024, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener) {
                serve_one(events[i].data.fd);
                continue;
            }
            int fd = accept(listener, NULL, NULL);
            must(fd >= 0, "accept");
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            add(epoll_fd, fd);
        }
    }
}
