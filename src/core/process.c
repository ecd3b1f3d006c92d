#include "process.h"

#include "client.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct ossdl_process_entry *list_first;
static int64_t list_owner; /* process that the entries belong to; 0: none */
static bool exit_registered;

int64_t ossdl_process_id(void)
{
    return (int64_t) getpid();
}

/* Runs before the handlers that libcurl's libraries registered earlier. */
static void close_all_at_exit(void)
{
    bool more = true;

    while (more) {
        struct ossdl_client *client = NULL;

        pthread_mutex_lock(&list_mutex);
        more = list_owner == ossdl_process_id() && list_first;
        if (more) {
            /* One whose last reference goes just now is closed by who had
             * it. */
            client = ossdl_client_acquire_alive(list_first->client);
            list_first = list_first->next;
        }
        pthread_mutex_unlock(&list_mutex);
        if (client) {
            ossdl_client_close(client);
            ossdl_client_release(client);
        }
    }
}

/* The parent may have held the mutex at the moment of the fork. */
static void start_over_in_child(void)
{
    pthread_mutex_init(&list_mutex, NULL);
    list_first = NULL;
    list_owner = ossdl_process_id();
}

void ossdl_process_add(struct ossdl_process_entry *entry,
                       struct ossdl_client *client)
{
    pthread_mutex_lock(&list_mutex);
    if (!exit_registered) {
        exit_registered = true;
        list_owner = ossdl_process_id();
        atexit(close_all_at_exit);
        pthread_atfork(NULL, NULL, start_over_in_child);
    }
    entry->client = client;
    entry->next = list_first;
    list_first = entry;
    pthread_mutex_unlock(&list_mutex);
}

void ossdl_process_remove(struct ossdl_process_entry *entry)
{
    struct ossdl_process_entry **link;

    pthread_mutex_lock(&list_mutex);
    for (link = &list_first; *link; link = &(*link)->next) {
        if (*link == entry) {
            *link = entry->next;
            break;
        }
    }
    pthread_mutex_unlock(&list_mutex);
}
