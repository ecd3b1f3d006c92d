/*
 * tool.c - what the specs need and plain Lua cannot do
 *
 * tool folder PREFIX           makes a temporary folder, prints its path
 * tool sum FILE                prints "size crc64 md5" of a file
 * tool seed FILE SIZE SEED     writes reproducible noise, prints the same
 * tool run OPTIONS -- COMMAND  runs a command that cannot outlive its parent:
 *                              it ends when standard input ends, the parent
 *                              dies, or it is told to terminate.
 *   -p FILE  gets the process ids of the command and of the supervisor
 *   -s FILE  gets "exit N" or "signal N" once it ended
 *   -d DIR   is removed when standard input ends, not before
 *
 * Part of the test support, not of the library: compiled at first use.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <lzma.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_BYTES (256 * 1024)
#define MD5_LIMIT_BYTES (64LL * 1024 * 1024)
#define FOLDER_MARK "ossdl-"

static unsigned char block[BLOCK_BYTES];

static void fail(const char *what, const char *on)
{
    fprintf(stderr, "tool: cannot %s %s: %s\n", what, on, strerror(errno));
    exit(1);
}

/* The checks of one file, fed block by block. */
struct sums {
    uint64_t size;
    uint64_t crc64;
    EVP_MD_CTX *md5; /* NULL: not wanted */
};

static void sums_init(struct sums *sums, int with_md5)
{
    memset(sums, 0, sizeof(*sums));
    if (with_md5) {
        sums->md5 = EVP_MD_CTX_new();
        EVP_DigestInit_ex(sums->md5, EVP_md5(), NULL);
    }
}

static void sums_add(struct sums *sums, const unsigned char *data, size_t len)
{
    sums->size += len;
    sums->crc64 = lzma_crc64(data, len, sums->crc64);
    if (sums->md5) {
        EVP_DigestUpdate(sums->md5, data, len);
    }
}

static void sums_print(struct sums *sums)
{
    printf("%" PRIu64 " %" PRIu64 " ", sums->size, sums->crc64);
    if (sums->md5) {
        unsigned char md[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        EVP_DigestFinal_ex(sums->md5, md, &len);
        EVP_MD_CTX_free(sums->md5);
        for (unsigned i = 0; i < len; i++) {
            printf("%02X", md[i]);
        }
    } else {
        printf("-");
    }
    printf("\n");
}

static int command_folder(const char *prefix)
{
    char path[4096];
    snprintf(path, sizeof(path), "%sXXXXXX", prefix);
    if (!mkdtemp(path)) {
        fail("make a folder named", path);
    }
    printf("%s\n", path);
    return 0;
}

static int command_sum(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail("open", path);
    }
    struct stat st;
    if (fstat(fd, &st) < 0) {
        fail("examine", path);
    }
    struct sums sums;
    sums_init(&sums, st.st_size <= MD5_LIMIT_BYTES);
    ssize_t got;
    while ((got = read(fd, block, sizeof(block))) > 0) {
        sums_add(&sums, block, (size_t) got);
    }
    if (got < 0) {
        fail("read", path);
    }
    sums_print(&sums);
    return 0;
}

static uint64_t noise(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void block_fill(uint64_t *state)
{
    for (size_t i = 0; i < sizeof(block); i += sizeof(uint64_t)) {
        uint64_t word = noise(state);
        memcpy(block + i, &word, sizeof(word));
    }
}

static int command_seed(const char *path, const char *size, const char *seed)
{
    long long left = strtoll(size, NULL, 10);
    uint64_t state = strtoull(seed, NULL, 10) * 0x9E3779B97F4A7C15u + 1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        fail("create", path);
    }
    struct sums sums;
    sums_init(&sums, left <= MD5_LIMIT_BYTES);
    while (left > 0) {
        size_t len = left < BLOCK_BYTES ? (size_t) left : BLOCK_BYTES;
        block_fill(&state);
        sums_add(&sums, block, len);
        for (size_t at = 0; at < len;) {
            ssize_t put = write(fd, block + at, len - at);
            if (put < 0) {
                fail("write", path);
            }
            at += (size_t) put;
        }
        left -= (long long) len;
    }
    if (close(fd) < 0) {
        fail("close", path);
    }
    sums_print(&sums);
    return 0;
}

/* A reader sees either no file or the whole line. */
static void line_write(const char *path, const char *line)
{
    if (!path) {
        return;
    }
    char temporary[4096];
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *file = fopen(temporary, "we");
    if (file) {
        fputs(line, file);
        fclose(file);
        rename(temporary, path);
    }
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *ftw)
{
    (void) st;
    (void) flag;
    (void) ftw;
    remove(path);
    return 0;
}

static void folder_remove(const char *folder)
{
    if (folder && strstr(folder, "/" FOLDER_MARK)) {
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

struct run {
    const char *pid_file;
    const char *status_file;
    const char *folder;
    char **command;
};

static void run_child(const struct run *run, pid_t supervisor)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) {
        _exit(126);
    }
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    close(null);
    execvp(run->command[0], run->command);
    fail("run", run->command[0]);
}

static void status_report(const struct run *run, int status)
{
    char line[64];
    if (WIFSIGNALED(status)) {
        snprintf(line, sizeof(line), "signal %d\n", WTERMSIG(status));
    } else {
        snprintf(line, sizeof(line), "exit %d\n", WEXITSTATUS(status));
    }
    line_write(run->status_file, line);
}

/* Nothing is ever written to standard input: readable means it ended. */
static int run_wait(const struct run *run, pid_t child, int signals)
{
    struct pollfd wait[2] = {{0, POLLIN, 0}, {signals, POLLIN, 0}};
    int status = 0;
    for (;;) {
        if (poll(wait, 2, -1) < 0 && errno != EINTR) {
            fail("wait for", run->command[0]);
        }
        if (wait[1].revents) {
            struct signalfd_siginfo info;
            ssize_t got = read(signals, &info, sizeof(info));
            if (waitpid(child, &status, WNOHANG) == child) {
                return status;
            }
            if (got > 0 && info.ssi_signo != SIGCHLD) {
                break;
            }
        }
        if (wait[0].revents) {
            break;
        }
    }
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return status;
}

static void run_parse(struct run *run, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "+p:s:d:")) != -1) {
        switch (option) {
        case 'p':
            run->pid_file = optarg;
            break;
        case 's':
            run->status_file = optarg;
            break;
        case 'd':
            run->folder = optarg;
            break;
        default:
            exit(2);
        }
    }
    run->command = argv + optind;
    if (!run->command[0]) {
        fprintf(stderr, "tool: nothing to run\n");
        exit(2);
    }
}

static int command_run(int argc, char **argv)
{
    struct run run = {0};
    run_parse(&run, argc, argv);
    close_range(3, ~0U, 0); /* a parent's files are none of the child's */
    setpgid(0, 0); /* not among those that a supervisor of our parent kills */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    pid_t self = getpid();
    pid_t child = fork();
    if (child == 0) {
        run_child(&run, self);
    }
    if (child < 0 || signals < 0) {
        fail("start", run.command[0]);
    }
    setpgid(child, child);
    char line[64];
    snprintf(line, sizeof(line), "%d %d\n", (int) child, (int) self);
    line_write(run.pid_file, line);
    int status = run_wait(&run, child, signals);
    kill(-child, SIGKILL);
    status_report(&run, status);
    if (run.folder) {
        struct pollfd wait[2] = {{0, POLLIN, 0}, {signals, POLLIN, 0}};
        while (poll(wait, 2, -1) < 0 && errno == EINTR) {
        }
        folder_remove(run.folder);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "folder") == 0) {
        return command_folder(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "sum") == 0) {
        return command_sum(argv[2]);
    }
    if (argc == 5 && strcmp(argv[1], "seed") == 0) {
        return command_seed(argv[2], argv[3], argv[4]);
    }
    if (argc > 2 && strcmp(argv[1], "run") == 0) {
        return command_run(argc - 1, argv + 1);
    }
    fprintf(stderr, "tool: folder, sum, seed or run\n");
    return 2;
}
