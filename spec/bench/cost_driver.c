/*
 * cost_driver.c - one download through the C API, for counting instructions
 *
 * cost_driver ENDPOINT BUCKET OBJECT FILE PART_BYTES KEY_ID KEY_SECRET
 *
 * One thread, no direct I/O and no syncing, so that the count depends on
 * neither timing nor the file system.
 */
#include "lock.h"
#include "ossdl.h"

#include <stdio.h>
#include <stdlib.h>

static int fail(const struct ossdl_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    return 1;
}

static int download(struct ossdl_client *client, char **argv)
{
    struct ossdl_transfer_options options = {
        .bucket = ossdl_slice_str(argv[2]),
        .object = ossdl_slice_str(argv[3]),
        .file = argv[4],
        .threads = 1,
        .part_size = strtoull(argv[5], NULL, 10),
        .max_retries = 3,
        .progress_interval_ms = 1000,
        .direct = OSSDL_SINK_DIRECT_OFF,
    };
    struct ossdl_transfer *transfer = NULL;
    struct ossdl_result result;
    struct ossdl_snapshot snapshot;
    struct ossdl_error err;
    char journal[4096];
    enum ossdl_status status;

    snprintf(journal, sizeof journal, "%s.journal", argv[4]);
    options.checkpoint = journal;
    status = ossdl_transfer_start(client, &options, &transfer, &err);
    if (status != OSSDL_OK) {
        return fail(&err);
    }
    do {
        ossdl_transfer_wait(transfer, OSSDL_FOREVER);
        ossdl_transfer_snapshot(transfer, &snapshot);
    } while (!snapshot.done);
    status = ossdl_transfer_result(transfer, &result, &err);
    ossdl_transfer_release(transfer);
    if (status != OSSDL_OK) {
        return fail(&err);
    }
    printf("%llu %llu %d\n", (unsigned long long) result.requests,
           (unsigned long long) result.retries, result.verified);
    return 0;
}

int main(int argc, char **argv)
{
    struct ossdl_client_options options = {
        .tls_verify = true,
        .connect_timeout_ms = 60000,
        .stall_timeout_ms = 120000,
        .max_threads = 1,
    };
    struct ossdl_client *client = NULL;
    struct ossdl_error err;
    int code;

    if (argc != 8) {
        fprintf(stderr, "cost_driver: seven arguments, please\n");
        return 2;
    }
    options.endpoint = ossdl_slice_str(argv[1]);
    options.region = ossdl_slice_str("cn-hangzhou");
    options.path_style = true;
    if (ossdl_credentials_new(ossdl_slice_str(argv[6]),
                              ossdl_slice_str(argv[7]), ossdl_slice_str(""), 0,
                              &options.credentials, &err) != OSSDL_OK ||
        ossdl_client_new(&options, &client, &err) != OSSDL_OK) {
        return fail(&err);
    }
    code = download(client, argv);
    ossdl_client_release(client);
    ossdl_credentials_release(options.credentials);
    return code;
}
