#define _GNU_SOURCE
#include "CShepherd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Everything below runs in a forked child of a program with threads: no allocation, no stdio, no locks.

enum cause { CAUSE_NONE, CAUSE_TIME, CAUSE_CANCELLED, CAUSE_MEMORY };
enum { MAXIMUM_PROCESSES = 32768, MAXIMUM_POINTS = 1024, THROTTLED_NICENESS = 10 };
#define SHEPHERD_NAME "almanac-task"

struct process {
    pid_t pid, parent;
    int64_t resident_pages;
    int64_t cpu_ticks;                  // own and of the children it waited for
    char is_ours;
};

struct herd {
    const struct shepherd_request *request;
    pid_t worker;
    int leader_ended;
    int leader_status;
    enum cause cause;
    int64_t started, ended;             // monotonic
    int64_t started_wall, ended_wall;   // Unix time
    int64_t terminated;                 // when SIGTERM was sent, 0 if it was not
    int64_t grace;
    int64_t cpu, read_bytes, written_bytes;
    int64_t largest_child_bytes;        // greatest ru_maxrss
    int64_t peak_bytes;                 // greatest sum seen in a sample
    int samples;
    int report;                         // the pipe
    int said_memory, said_time;         // which alerts were reported
    int is_throttled;
    int64_t next_point, pace;           // of the series
    int64_t point_peak;                 // greatest sum since the last point
    int points;
};

struct point {
    int64_t at, cpu, memory, read, written;
};

static struct point points[MAXIMUM_POINTS];

static struct process processes[MAXIMUM_PROCESSES];

static int64_t microseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static char *put_text(char *to, const char *text) {
    while (*text) *to++ = *text++;
    return to;
}

static char *put_number(char *to, int64_t value) {
    char digits[24];
    int count = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) *to++ = '-';
    do digits[count++] = (char)('0' + rest % 10); while (rest /= 10);
    while (count) *to++ = digits[--count];
    return to;
}

static char *put_field(char *to, const char *name, int64_t value) { return put_number(put_text(to, name), value); }

static const char *number_after(const char *text, int64_t *value) {
    while (*text == ' ' || *text == '\t') text++;
    int64_t sign = 1, result = 0;
    if (*text == '-') { sign = -1; text++; }
    while (*text >= '0' && *text <= '9') result = result * 10 + (*text++ - '0');
    *value = sign * result;
    return text;
}

// Reads a file below /proc (at most size - 1 bytes); 0 if it cannot be read.
static int read_proc(pid_t pid, const char *name, char *buffer, size_t size) {
    char path[64];
    char *end = put_text(path, "/proc/");
    if (pid) end = put_number(end, pid);
    *put_text(end, name) = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    size_t length = 0;
    ssize_t count;
    while (length < size - 1 && (count = read(fd, buffer + length, size - 1 - length)) > 0) length += (size_t)count;
    close(fd);
    buffer[length] = 0;
    return length > 0;
}

static int64_t value_of(const char *text, const char *name) {
    const char *found = strstr(text, name);
    int64_t value = -1;
    if (found) number_after(found + strlen(name), &value);
    return value;
}

static int64_t oom_kills(void) {
    static char text[16384];
    return read_proc(0, "vmstat", text, sizeof text) ? value_of(text, "\noom_kill ") : -1;
}

// Lists the processes of the machine from a number on and marks those below this one. Returns how many are listed.
static int list_processes(pid_t first) {
    static char names[65536];
    int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return 0;
    int count = 0;
    long length;
    while (count < MAXIMUM_PROCESSES && (length = syscall(SYS_getdents64, folder, names, sizeof names)) > 0) {
        for (long at = 0; at < length && count < MAXIMUM_PROCESSES;) {
            // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name
            unsigned short record;
            memcpy(&record, names + at + 16, sizeof record);
            const char *name = names + at + 19;
            at += record;
            if (*name < '1' || *name > '9') continue;
            int64_t pid;
            number_after(name, &pid);
            if (pid < first) continue;
            char text[1024];
            if (!read_proc((pid_t)pid, "/stat", text, sizeof text)) continue;
            // number (name) state parent ... resident-pages; the name may hold anything
            const char *name_start = strchr(text, '('), *field = strrchr(text, ')');
            if (!name_start || !field || strlen(field) < 4) continue;
            int is_copy_of_us = strncmp(name_start, "(" SHEPHERD_NAME ")", strlen("(" SHEPHERD_NAME ")")) == 0;
            int64_t value = 0, parent = 0;
            field = number_after(field + 3, &parent);
            int64_t ticks = 0;
            for (int number = 5; number <= 24; number++) {
                field = number_after(field, &value);
                if (number >= 14 && number <= 17) ticks += value;
            }
            // Between fork and exec the worker still looks like us.
            processes[count++] = (struct process){(pid_t)pid, (pid_t)parent, is_copy_of_us ? 0 : value, ticks, 0};
        }
    }
    close(folder);

    pid_t self = getpid();
    for (int changed = 1; changed;) {
        changed = 0;
        for (int i = 0; i < count; i++) {
            if (processes[i].is_ours) continue;
            int below = processes[i].parent == self;
            for (int j = 0; j < count && !below; j++) {
                below = processes[j].is_ours && processes[j].pid == processes[i].parent;
            }
            if (below) processes[i].is_ours = 1, changed = 1;
        }
    }
    return count;
}

// One line to whoever started us.
static void say_alert(const struct herd *herd, int which, int64_t value) {
    char line[128];
    char *end = put_field(line, "alert=", which);
    end = put_field(end, " at_us=", microseconds(CLOCK_MONOTONIC) - herd->started);
    end = put_field(end, " value=", value);
    *end++ = '\n';
    if (write(herd->report, line, (size_t)(end - line)) < 0) return;
}

// Adds a point to the series; `count` processes are listed. When there is no room, every second point goes.
static void add_point(struct herd *herd, int count, int64_t now) {
    int64_t tick = 1000000 / sysconf(_SC_CLK_TCK);
    struct point point = {now - herd->started, herd->cpu, herd->point_peak, herd->read_bytes, herd->written_bytes};
    for (int i = 0; i < count; i++) {
        if (!processes[i].is_ours) continue;
        point.cpu += processes[i].cpu_ticks * tick;
        char text[512];
        if (!read_proc(processes[i].pid, "/io", text, sizeof text)) continue;
        int64_t read = value_of(text, "rchar:"), written = value_of(text, "wchar:");
        if (read > 0) point.read += read;
        if (written > 0) point.written += written;
    }
    if (herd->points == MAXIMUM_POINTS) {
        for (int i = 0; i < MAXIMUM_POINTS / 2; i++) {
            int64_t before = points[2 * i].memory;
            points[i] = points[2 * i + 1];
            if (before > points[i].memory) points[i].memory = before;
        }
        herd->points /= 2;
        herd->pace *= 2;
    }
    // A process that ends between two looks takes its counters with it for a moment: they never run backwards.
    if (herd->points > 0) {
        const struct point *last = &points[herd->points - 1];
        if (point.cpu < last->cpu) point.cpu = last->cpu;
        if (point.read < last->read) point.read = last->read;
        if (point.written < last->written) point.written = last->written;
    }
    points[herd->points++] = point;
    herd->point_peak = 0;
    herd->next_point = now + herd->pace;
}

static void sample(struct herd *herd) {
    // Children have greater numbers, until numbers start again from below: so every eighth look is at all.
    int count = list_processes(herd->samples % 8 == 7 ? 1 : getpid());
    int64_t page = sysconf(_SC_PAGESIZE), sum = 0;
    for (int i = 0; i < count; i++) {
        if (!processes[i].is_ours) continue;
        sum += processes[i].resident_pages * page;
        // Those that started meanwhile inherit it, unless they were forked by one that was not yet throttled.
        if (herd->is_throttled) setpriority(PRIO_PROCESS, (id_t)processes[i].pid, THROTTLED_NICENESS);
    }
    if (sum > herd->peak_bytes) herd->peak_bytes = sum;
    if (sum > herd->point_peak) herd->point_peak = sum;
    herd->samples++;
    int64_t now = microseconds(CLOCK_MONOTONIC);
    if (herd->pace > 0 && !herd->leader_ended && now >= herd->next_point) add_point(herd, count, now);
    const struct shepherd_request *request = herd->request;
    if (request->alert_memory_bytes > 0 && sum > request->alert_memory_bytes && !herd->said_memory) {
        herd->said_memory = 1;
        say_alert(herd, 1, sum);
    }
    int64_t limit = request->memory_limit_bytes;
    if (limit > 0 && sum > limit && herd->cause == CAUSE_NONE && !herd->leader_ended) {
        herd->cause = CAUSE_MEMORY;
        herd->terminated = now;
        herd->grace = 0;
    }
}

static void signal_all(int signal_number) {
    int count = list_processes(1);
    for (int i = 0; i < count; i++) {
        if (!processes[i].is_ours) continue;
        kill(processes[i].pid, signal_number);
        if (signal_number == SIGTERM) kill(processes[i].pid, SIGCONT);
    }
}

static void terminate(struct herd *herd, enum cause cause, int64_t grace) {
    if (herd->cause == CAUSE_NONE && !herd->leader_ended) herd->cause = cause;
    if (!herd->terminated) {
        herd->terminated = microseconds(CLOCK_MONOTONIC);
        herd->grace = grace;
        signal_all(SIGTERM);
    } else if (grace < herd->grace) {
        herd->grace = grace;
    }
}

// Takes in every child that has ended, ours by birth or by adoption. Returns 0 when there is no child left.
static int reap(struct herd *herd) {
    for (;;) {
        siginfo_t info;
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return errno != ECHILD;
        if (info.si_pid == 0) return 1;
        // While it is a zombie, its counters still hold its own work and that of the children it waited for.
        char text[512];
        if (read_proc(info.si_pid, "/io", text, sizeof text)) {
            herd->read_bytes += value_of(text, "rchar:");
            herd->written_bytes += value_of(text, "wchar:");
        }
        struct rusage usage;
        int status;
        if (wait4(info.si_pid, &status, 0, &usage) != info.si_pid) continue;
        herd->cpu += (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
        herd->cpu += (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
        if (usage.ru_maxrss * 1024 > herd->largest_child_bytes) herd->largest_child_bytes = usage.ru_maxrss * 1024;
        if (info.si_pid == herd->worker) {
            herd->leader_ended = 1;
            herd->leader_status = status;
            herd->ended = microseconds(CLOCK_MONOTONIC);
            herd->ended_wall = microseconds(CLOCK_REALTIME);
        }
    }
}

// Closes all files from first to last, also on kernels before 5.9.
static void close_files(unsigned first, unsigned last) {
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
    for (unsigned fd = first; fd <= last && fd < 4096; fd++) close((int)fd);
}

static void say(int fd, const char *text) {
    if (write(fd, text, strlen(text)) < 0) return;
}

static void become_worker(const struct shepherd_request *request, pid_t shepherd) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shepherd) _exit(127);
    int input = open("/dev/null", O_RDONLY);
    int output = open(request->output_path, O_WRONLY | O_APPEND);
    int error = open(request->error_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    if (input < 0 || output < 0 || error < 0) _exit(127);
    dup2(input, 0);
    dup2(output, 1);
    dup2(error, 2);
    close_files(3, ~0U);
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir(request->directory) < 0) {
        say(2, "almanac: cannot enter the working directory\n");
        _exit(126);
    }
    char *const arguments[] = {"sh", "-c", (char *)request->command, NULL};
    execve("/bin/sh", arguments, request->environment);
    say(2, errno == E2BIG ? "almanac: the command and its environment are too long\n" : "almanac: cannot run /bin/sh\n");
    _exit(127);
}

static const char *hexadecimal_after(const char *text, uintptr_t *value) {
    for (*value = 0;; text++) {
        if (*text >= '0' && *text <= '9') *value = *value * 16 + (uintptr_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f') *value = *value * 16 + (uintptr_t)(*text - 'a' + 10);
        else return text;
    }
}

// A copy of the request that stays when the memory that we inherited is given back; shared, so that it is told apart.
static struct shepherd_request *keep(const struct shepherd_request *request) {
    const char *texts[] = {request->command, request->directory, request->output_path, request->error_path,
                           request->result_path, request->temporary_path, request->series_path};
    size_t count = 0, size = sizeof *request;
    for (int i = 0; i < 7; i++) size += strlen(texts[i]) + 1;
    while (request->environment[count]) size += strlen(request->environment[count++]) + 1 + sizeof(char *);
    size += sizeof(char *);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    struct shepherd_request *copy = (struct shepherd_request *)memory;
    char **environment = (char **)(copy + 1);
    char *to = (char *)(environment + count + 1);
    *copy = *request;
    const char **fields[] = {&copy->command, &copy->directory, &copy->output_path, &copy->error_path,
                             &copy->result_path, &copy->temporary_path, &copy->series_path};
    for (int i = 0; i < 7; i++) *fields[i] = to, to = put_text(to, texts[i]), *to++ = 0;
    for (size_t i = 0; i < count; i++) environment[i] = to, to = put_text(to, request->environment[i]), *to++ = 0;
    environment[count] = NULL;
    copy->environment = environment;
    return copy;
}

// Gives back the memory that we inherited. Linux counts what a process had before exec as its own peak (ru_maxrss), so
// that the worker, forked from us, would otherwise seem as large as the program that started us. What is below
// 256 KB is left: it may hold what the C library needs, as may the stack and the thread's own data.
static void drop_inherited_memory(void) {
    static char text[1 << 18];
    if (!read_proc(0, "self/maps", text, sizeof text)) return;
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), own = (uintptr_t)&errno;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        // start-end rwxp offset device inode [name]
        uintptr_t start, end;
        const char *rest = hexadecimal_after(hexadecimal_after(line, &start) + 1, &end);
        if (strncmp(rest, " rw-p 00000000 00:00 0 ", 23) || end - start < 1 << 18) continue;
        int holds_us = (here >= start && here < end) || (own >= start && own < end);
        int holds_text = (uintptr_t)text < end && (uintptr_t)text + sizeof text > start;
        if (!holds_us && !holds_text) madvise((void *)start, end - start, MADV_DONTNEED);
    }
}

// The points, and one more for the end. They are there before the result is.
static void write_series(struct herd *herd) {
    if (herd->pace == 0) return;
    add_point(herd, 0, herd->ended);
    size_t length = (size_t)herd->points * sizeof(struct point);
    int fd = open(herd->request->series_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return;
    int is_whole = write(fd, points, length) == (ssize_t)length;
    close(fd);
    if (!is_whole) unlink(herd->request->series_path);
}

static void write_result(const struct herd *herd, int64_t kills, int64_t error) {
    char line[512];
    int64_t peak = herd->peak_bytes;
    if (herd->largest_child_bytes > peak) peak = herd->largest_child_bytes;
    int status = herd->leader_status;
    char *end = put_field(line, "exit=", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    end = put_field(end, " signal=", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    end = put_field(end, " cause=", herd->cause);
    end = put_field(end, " start_us=", herd->started_wall);
    end = put_field(end, " end_us=", herd->ended_wall);
    end = put_field(end, " wall_us=", herd->ended - herd->started);
    end = put_field(end, " cpu_us=", herd->cpu);
    end = put_field(end, " peak_bytes=", peak > 0 ? peak : -1);
    end = put_field(end, " read_bytes=", herd->read_bytes);
    end = put_field(end, " written_bytes=", herd->written_bytes);
    end = put_field(end, " oom_kills=", kills);
    end = put_field(end, " error=", error);
    *end++ = '\n';
    size_t length = (size_t)(end - line);
    int fd = open(herd->request->temporary_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0) {
        int is_whole = write(fd, line, length) == (ssize_t)length;
        close(fd);
        if (is_whole) rename(herd->request->temporary_path, herd->request->result_path);
        else unlink(herd->request->temporary_path);
    }
    if (write(herd->report, line, length) < 0) return;  // nobody listens any more: the file is there
}

static void become_shepherd(const struct shepherd_request *original, int report, int lock) {
    const struct shepherd_request *request = keep(original);
    drop_inherited_memory();
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, SHEPHERD_NAME);
    // Handler, flags, restorer and mask are all zero. The C library's own call leaves out the signals 32 and 33.
    const uint64_t standard[4] = {0};
    for (int number = 1; number < 65; number++) syscall(SYS_rt_sigaction, number, standard, NULL, sizeof(uint64_t));
    signal(SIGPIPE, SIG_IGN);
    // Keep the lock and the pipe only: whatever else was open is not ours.
    int kept = lock == 3 ? 4 : 3;
    dup2(report, kept);
    unsigned first = (unsigned)(kept < lock ? kept : lock), second = (unsigned)(kept < lock ? lock : kept);
    close_files(3, first - 1);
    close_files(first + 1, second - 1);
    close_files(second + 1, ~0U);
    fcntl(kept, F_SETFD, FD_CLOEXEC);
    // A terminal or a pipe of whoever started this must not be kept open.
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(nothing, fd);
    close(nothing);

    // Whoever resumes the run finds us by this.
    char line[32];
    char *end = put_field(line, "pid=", getpid());
    *end++ = '\n';
    int fd = open(request->temporary_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && write(fd, line, (size_t)(end - line)) < 0) unlink(request->temporary_path);
    if (fd >= 0) close(fd);

    static struct herd herd;
    herd.request = request;
    herd.report = kept;
    herd.pace = request->series_microseconds;
    int64_t kills = oom_kills();

    pid_t shepherd = getpid();
    herd.started = microseconds(CLOCK_MONOTONIC);
    herd.started_wall = microseconds(CLOCK_REALTIME);
    // Not the C library's fork, which walks over heaps that are gone.
    herd.worker = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, 0UL, 0UL, 0UL, 0UL);
    if (herd.worker == 0) become_worker(request, shepherd);
    if (herd.worker < 0) {
        herd.ended_wall = herd.started_wall;
        herd.ended = herd.started;
        write_result(&herd, 0, errno);
        _exit(0);
    }

    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGUSR1);
    sigaddset(&wanted, SIGUSR2);
    int64_t interval = 1000, next_sample = herd.started + interval;
    while (reap(&herd)) {
        int64_t now = microseconds(CLOCK_MONOTONIC);
        if (now >= next_sample) {
            int64_t cost = microseconds(CLOCK_THREAD_CPUTIME_ID);
            sample(&herd);
            cost = microseconds(CLOCK_THREAD_CPUTIME_ID) - cost;
            // The first milliseconds are looked at closely; later, looking takes 3 % of a processor at most.
            interval = interval * 2 < request->sample_microseconds ? interval * 2 : request->sample_microseconds;
            now = microseconds(CLOCK_MONOTONIC);
            next_sample = now + (herd.samples > 4 && 33 * cost > interval ? 33 * cost : interval);
        }
        int64_t alert = request->alert_microseconds;
        if (alert > 0 && !herd.leader_ended && !herd.said_time && now - herd.started >= alert) {
            herd.said_time = 1;
            say_alert(&herd, 2, now - herd.started);
        }
        int64_t limit = request->time_limit_microseconds;
        if (limit > 0 && !herd.leader_ended && now - herd.started >= limit) {
            terminate(&herd, CAUSE_TIME, request->grace_microseconds);
        }
        // Nothing outlives the command: what it left in the background gets a second at most.
        if (herd.leader_ended && !herd.terminated) {
            terminate(&herd, CAUSE_NONE, request->grace_microseconds < 1000000 ? request->grace_microseconds : 1000000);
        }
        int64_t wake = next_sample;
        if (herd.terminated) {
            int64_t deadline = herd.terminated + herd.grace;
            if (now >= deadline) signal_all(SIGKILL), deadline = now + 5000;
            if (deadline < wake) wake = deadline;
        } else if (limit > 0 && herd.started + limit < wake) {
            wake = herd.started + limit;
        }
        if (alert > 0 && !herd.said_time && !herd.leader_ended && herd.started + alert < wake) {
            wake = herd.started + alert;
        }
        now = microseconds(CLOCK_MONOTONIC);
        int64_t pause = wake > now ? wake - now : 0;
        struct timespec timeout = {pause / 1000000, pause % 1000000 * 1000};
        int number = sigtimedwait(&wanted, NULL, &timeout);
        if (number == SIGTERM) terminate(&herd, CAUSE_CANCELLED, request->grace_microseconds);
        if (number == SIGUSR1) terminate(&herd, CAUSE_CANCELLED, 0);
        if (number == SIGUSR2) herd.is_throttled = 1, next_sample = 0;
    }
    int64_t kills_after = oom_kills();
    write_series(&herd);
    write_result(&herd, kills < 0 || kills_after < 0 ? -1 : kills_after - kills, 0);
    _exit(0);
}

int shepherd_start(const struct shepherd_request *request, int *report_fd) {
    int lock = open(request->output_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (lock < 0) return -errno;
    int ends[2];
    if (flock(lock, LOCK_EX | LOCK_NB) < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        int error = errno;
        close(lock);
        return -error;
    }
    // No signal may find the child before it has its own handlers.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    int error = errno;
    if (child == 0) become_shepherd(request, ends[1], lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(lock);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -error;
    }
    *report_fd = ends[0];
    return child;
}

static volatile int signal_fd = -1;
static const int watched_signals[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction earlier_actions[3];

static void pass_on(int number) {
    int error = errno;
    char byte = (char)number;
    if (write(signal_fd, &byte, 1) < 0) errno = error;
    errno = error;
}

int shepherd_watch_signals(int fd) {
    signal_fd = fd;
    sigset_t watched;
    sigemptyset(&watched);
    for (int i = 0; i < 3; i++) sigaddset(&watched, watched_signals[i]);
    pthread_sigmask(SIG_UNBLOCK, &watched, NULL);
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 3; i++) {
        if (sigaction(watched_signals[i], &action, &earlier_actions[i]) < 0) return -errno;
    }
    return 0;
}

void shepherd_unwatch_signals(void) {
    for (int i = 0; i < 3; i++) sigaction(watched_signals[i], &earlier_actions[i], NULL);
    signal_fd = -1;
}
