#define _GNU_SOURCE
#include "CShepherd.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Everything up to shepherd_start runs in a forked child of a program with threads: no allocation, no stdio, no locks.
// Nor is a function of the C library called in whose place a preloaded library may have put its own, such as open or
// clock_gettime: the memory of that library is gone.

enum cause { CAUSE_NONE, CAUSE_TIME, CAUSE_CANCELLED, CAUSE_MEMORY };
enum { MAXIMUM_PROCESSES = 32768, MAXIMUM_POINTS = 1024, THROTTLED_NICENESS = 10 };
enum { CHANNEL = 3, BLOCK_SIZE = 512, WORKER_STACK = 65536 };
enum { PATIENCE_MICROSECONDS = 50000, GREATEST_PATIENCE_MICROSECONDS = 1000000, HOLD_MICROSECONDS = 10000 };
#define SHEPHERD_NAME "almanac-task"

struct process {
    pid_t pid, parent;
    int64_t resident_pages;
    int64_t cpu_ticks;                  // own and of the children it waited for
    char is_ours, is_dead, is_busy;     // busy: it runs, wants a processor, or waits for a disk
};

struct herd {
    const struct shepherd_request *request;
    pid_t shepherd, worker;
    int leader_ended;
    int leader_status;
    int left_behind;                    // processes that lived on when the leader had ended
    enum cause cause, wanted;           // why it was ended, and why it is to be
    int64_t wanted_grace;
    int64_t held;                       // when it was first told to stand still, 0 if it was not
    int stood_still;
    int64_t started, ended;             // monotonic
    int64_t started_wall;               // Unix time
    int64_t asked;                      // when somebody wanted the attempt to end, 0 if nobody did
    int64_t patience_ends, spent;       // when it is looked at next, and the CPU time used at the first look, or -1
    int64_t terminated;                 // when SIGTERM was sent, 0 if it was not
    int64_t grace;
    int64_t cpu, read_bytes, written_bytes;
    int64_t largest_child_bytes;        // greatest ru_maxrss
    int64_t peak_bytes;                 // greatest sum seen in a sample
    int samples;
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

// Whether a worker may borrow our memory until it becomes another program.
static int may_lend_memory;

// The greatest number of open files of whoever started us, which is that of the commands too.
static struct rlimit file_limit;

static int open_file(const char *path, int flags) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644);
}

static ssize_t write_to(int fd, const void *bytes, size_t length) { return syscall(SYS_write, fd, bytes, length); }

static void close_file(int fd) { syscall(SYS_close, fd); }

static void send_signal(pid_t pid, int number) { syscall(SYS_kill, pid, number); }

static int wait_for(idtype_t which, pid_t pid, siginfo_t *info, int options) {
    info->si_pid = 0;
    return (int)syscall(SYS_waitid, which, pid, info, options, NULL);
}

// The kernel's set of 64 signals, which is smaller than the C library's.
static int next_signal(uint64_t wanted, int64_t microseconds) {
    struct timespec timeout = {microseconds / 1000000, microseconds % 1000000 * 1000};
    return (int)syscall(SYS_rt_sigtimedwait, &wanted, NULL, &timeout, sizeof wanted);
}

static uint64_t signal_bit(int number) { return (uint64_t)1 << (number - 1); }

static void leave(int code) {
    for (;;) syscall(SYS_exit_group, code);
}

static int64_t microseconds(clockid_t clock) {
    struct timespec now;
    syscall(SYS_clock_gettime, clock, &now);
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
    int fd = open_file(path, O_RDONLY);
    if (fd < 0) return 0;
    size_t length = 0;
    ssize_t count;
    while (length < size - 1 && (count = syscall(SYS_read, fd, buffer + length, size - 1 - length)) > 0) {
        length += (size_t)count;
    }
    close_file(fd);
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
    int folder = open_file("/proc", O_RDONLY | O_DIRECTORY);
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
            char state = field[2];
            int is_dead = state == 'Z' || state == 'X';
            field = number_after(field + 3, &parent);
            int64_t ticks = 0;
            for (int number = 5; number <= 24; number++) {
                field = number_after(field, &value);
                if (number >= 14 && number <= 17) ticks += value;
            }
            // Between fork and exec the worker still looks like us.
            processes[count++] = (struct process){
                .pid = (pid_t)pid, .parent = (pid_t)parent, .resident_pages = is_copy_of_us ? 0 : value,
                .cpu_ticks = ticks, .is_dead = (char)is_dead, .is_busy = state == 'R' || state == 'D',
            };
        }
    }
    close_file(folder);

    pid_t self = (pid_t)syscall(SYS_getpid);
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

// To whoever started us, if there still is one.
static void say(const char *line, size_t length) {
    syscall(SYS_sendto, CHANNEL, line, length, MSG_NOSIGNAL, NULL, 0);
}

static void say_alert(const struct herd *herd, int which, int64_t value) {
    char line[128];
    char *end = put_field(line, "alert=", which);
    end = put_field(end, " at_us=", microseconds(CLOCK_MONOTONIC) - herd->started);
    end = put_field(end, " value=", value);
    *end++ = '\n';
    say(line, (size_t)(end - line));
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

// Lets the worker stand still, so that it cannot end by itself before our signal is there; 0 if it has ended, or is about
// to. What came of a task that ended by itself is its own doing, however near the limit it was.
static int hold_worker(struct herd *herd, int64_t grace) {
    send_signal(herd->worker, SIGSTOP);
    int64_t now = microseconds(CLOCK_MONOTONIC), until = now + HOLD_MICROSECONDS;
    if (!herd->held) herd->held = now;
    for (;;) {
        siginfo_t info;
        if (wait_for(P_PID, herd->worker, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) < 0) return 0;
        if (info.si_pid != 0) return herd->stood_still = info.si_code == CLD_STOPPED;
        // One that waits inside the kernel, for a disk perhaps, stands still when it comes out, and one that gives back its
        // memory has ended already. Whoever is killed there did not end by itself: its status tells.
        now = microseconds(CLOCK_MONOTONIC);
        if (now > until) return now - herd->held >= grace;
        struct timespec pause = {0, 100000};
        syscall(SYS_nanosleep, &pause, NULL);
    }
}

static void sample(struct herd *herd) {
    // Children have greater numbers, until numbers start again from below: so every eighth look is at all.
    int count = list_processes(herd->samples % 8 == 7 ? 1 : herd->worker);
    int64_t page = sysconf(_SC_PAGESIZE), sum = 0;
    for (int i = 0; i < count; i++) {
        if (!processes[i].is_ours) continue;
        sum += processes[i].resident_pages * page;
        // Those that started meanwhile inherit it, unless they were forked by one that was not yet throttled.
        if (herd->is_throttled) syscall(SYS_setpriority, PRIO_PROCESS, processes[i].pid, THROTTLED_NICENESS);
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
    if (limit > 0 && sum > limit && herd->cause == CAUSE_NONE && !herd->leader_ended && hold_worker(herd, 0)) {
        herd->cause = CAUSE_MEMORY;
        herd->terminated = now;
        herd->grace = 0;
    }
}

// Returns how many were alive.
static int signal_all(int signal_number) {
    int count = list_processes(1), living = 0;
    for (int i = 0; i < count; i++) {
        if (!processes[i].is_ours) continue;
        if (!processes[i].is_dead) living++;
        send_signal(processes[i].pid, signal_number);
        if (signal_number == SIGTERM) send_signal(processes[i].pid, SIGCONT);
    }
    return living;
}

// Does nothing where the worker has ended by itself, which is for reap to see, and is to be called again where it cannot
// be told yet whether it has.
static void terminate(struct herd *herd, enum cause cause, int64_t grace) {
    if (herd->cause == CAUSE_NONE && !herd->leader_ended) {
        if (herd->wanted == CAUSE_NONE) herd->wanted = cause, herd->wanted_grace = grace;
        if (grace < herd->wanted_grace) herd->wanted_grace = grace;
        if (!hold_worker(herd, herd->wanted_grace)) return;
        herd->cause = herd->wanted;
        // It had its time to come out of the kernel.
        grace = herd->stood_still ? herd->wanted_grace : 0;
    }
    if (!herd->terminated) {
        herd->terminated = microseconds(CLOCK_MONOTONIC);
        herd->grace = grace;
        int living = signal_all(herd->cause != CAUSE_NONE && !herd->stood_still ? SIGKILL : SIGTERM);
        if (herd->leader_ended) herd->left_behind = living;
    } else if (grace < herd->grace) {
        herd->grace = grace;
    }
}

// Whether somebody who asked has waited long enough. On a busy machine a command that is about to end may wait long for a
// processor: until it has had one for as long, it gets more time.
static int is_patience_over(struct herd *herd, int64_t now) {
    if (now < herd->patience_ends) return 0;
    int count = list_processes(herd->worker), is_busy = 0;
    int64_t spent = herd->cpu, tick = 1000000 / sysconf(_SC_CLK_TCK);
    for (int i = 0; i < count; i++) {
        if (!processes[i].is_ours) continue;
        spent += processes[i].cpu_ticks * tick;
        is_busy |= processes[i].is_busy;
    }
    if (herd->spent < 0) herd->spent = spent;
    if (!is_busy || spent - herd->spent >= PATIENCE_MICROSECONDS || now - herd->asked >= GREATEST_PATIENCE_MICROSECONDS) {
        return 1;
    }
    herd->patience_ends = now + PATIENCE_MICROSECONDS;
    return 0;
}

// Takes in every child that has ended, ours by birth or by adoption. Returns 0 when there is no child left.
static int reap(struct herd *herd) {
    for (;;) {
        siginfo_t info;
        if (wait_for(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return errno != ECHILD;
        if (info.si_pid == 0) return 1;
        // While it is a zombie, its counters still hold its own work and that of the children it waited for.
        char text[512];
        if (read_proc(info.si_pid, "/io", text, sizeof text)) {
            herd->read_bytes += value_of(text, "rchar:");
            herd->written_bytes += value_of(text, "wchar:");
        }
        struct rusage usage;
        int status;
        if (syscall(SYS_wait4, info.si_pid, &status, 0, &usage) != info.si_pid) continue;
        herd->cpu += (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec;
        herd->cpu += (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
        if (usage.ru_maxrss * 1024 > herd->largest_child_bytes) herd->largest_child_bytes = usage.ru_maxrss * 1024;
        if (info.si_pid == herd->worker) {
            herd->leader_ended = 1;
            herd->leader_status = status;
            if (!herd->stood_still && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) herd->cause = CAUSE_NONE;
            herd->ended = microseconds(CLOCK_MONOTONIC);
        }
    }
}

// Closes all files from first on, also on kernels before 5.9.
static void close_files(unsigned first) {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    for (unsigned fd = first; fd <= 4096; fd++) close_file((int)fd);
}

// Makes a file that is open known under another number.
static void move_file(int fd, int to) {
    if (fd == to) return;
    syscall(SYS_dup3, fd, to, 0);
    close_file(fd);
}

static int fail_worker(int code, const char *text) {
    write_to(2, text, strlen(text));
    leave(code);
    return code;
}

// Until execve it may run in our memory, while we wait.
static int become_worker(void *argument) {
    const struct herd *herd = argument;
    const struct shepherd_request *request = herd->request;
    syscall(SYS_setsid);
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_getppid) != herd->shepherd) leave(127);
    int output = open_file(request->output_path, O_WRONLY | O_APPEND);
    int error = open_file(request->error_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);
    if (output < 0 || error < 0) leave(127);
    // Standard input is ours, in which there is nothing.
    syscall(SYS_dup3, output, 1, 0);
    syscall(SYS_dup3, error, 2, 0);
    close_files(3);
    syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &file_limit, NULL);
    const uint64_t none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
    if (syscall(SYS_chdir, request->directory) < 0) {
        return fail_worker(126, "almanac: cannot enter the working directory\n");
    }
    char *const arguments[] = {"sh", "-c", (char *)request->command, NULL};
    syscall(SYS_execve, "/bin/sh", arguments, request->environment);
    return fail_worker(
        127, errno == E2BIG ? "almanac: the command and its environment are too long\n" : "almanac: cannot run /bin/sh\n");
}

static const char *hexadecimal_after(const char *text, uintptr_t *value) {
    for (*value = 0;; text++) {
        if (*text >= '0' && *text <= '9') *value = *value * 16 + (uintptr_t)(*text - '0');
        else if (*text >= 'a' && *text <= 'f') *value = *value * 16 + (uintptr_t)(*text - 'a' + 10);
        else return text;
    }
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
        if (!holds_us && !holds_text) syscall(SYS_madvise, start, end - start, MADV_DONTNEED);
    }
    // A worker that borrows our memory would inherit the peak of it, unless that can be forgotten (5).
    int fd = open_file("/proc/self/clear_refs", O_WRONLY);
    may_lend_memory = fd >= 0 && write_to(fd, "5", 1) == 1;
    if (fd >= 0) close_file(fd);
}

// The points, and one more for the end; nothing of an attempt that ended before the first. They are there before the
// result is.
static void write_series(struct herd *herd) {
    if (herd->points == 0) return;
    add_point(herd, 0, herd->ended);
    size_t length = (size_t)herd->points * sizeof(struct point);
    int fd = open_file(herd->request->series_path, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) return;
    int is_whole = write_to(fd, points, length) == (ssize_t)length;
    close_file(fd);
    if (!is_whole) syscall(SYS_unlinkat, AT_FDCWD, herd->request->series_path, 0);
}

// Overwrites the block that was reserved at the start, so that it needs no room on the disk. Returns the length of the line.
static size_t write_result(const struct herd *herd, char line[BLOCK_SIZE], int block, int64_t kills, int64_t error) {
    int64_t peak = herd->peak_bytes;
    if (herd->largest_child_bytes > peak) peak = herd->largest_child_bytes;
    int status = herd->leader_status;
    int64_t wall = herd->ended - herd->started;
    char *end = put_field(line, "exit=", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    end = put_field(end, " signal=", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    end = put_field(end, " cause=", herd->cause);
    end = put_field(end, " start_us=", herd->started_wall);
    // Not what the clock says now: somebody may have set it meanwhile.
    end = put_field(end, " end_us=", herd->started_wall + wall);
    end = put_field(end, " wall_us=", wall);
    end = put_field(end, " cpu_us=", herd->cpu);
    end = put_field(end, " peak_bytes=", peak > 0 ? peak : -1);
    end = put_field(end, " read_bytes=", herd->read_bytes);
    end = put_field(end, " written_bytes=", herd->written_bytes);
    end = put_field(end, " oom_kills=", kills);
    end = put_field(end, " left_behind=", herd->left_behind);
    end = put_field(end, " error=", error);
    size_t length = (size_t)(end - line);
    memset(end, ' ', BLOCK_SIZE - length);
    line[BLOCK_SIZE - 1] = '\n';
    syscall(SYS_pwrite64, block, line, BLOCK_SIZE, 0);
    line[length] = '\n';
    return length + 1;
}

// Runs one attempt to its end. Returns the length of the line about it.
static size_t run_attempt(const struct shepherd_request *request, int block, char line[BLOCK_SIZE]) {
    static char stack[WORKER_STACK] __attribute__((aligned(64)));
    static struct herd herd;
    memset(&herd, 0, sizeof herd);
    herd.request = request;
    herd.pace = request->series_microseconds;
    herd.shepherd = (pid_t)syscall(SYS_getpid);
    int64_t kills = oom_kills();
    // Whatever was meant for an attempt before this one.
    const uint64_t requests = signal_bit(SIGTERM) | signal_bit(SIGUSR1) | signal_bit(SIGUSR2);
    while (next_signal(requests, 0) > 0) {}

    herd.started = microseconds(CLOCK_MONOTONIC);
    herd.started_wall = microseconds(CLOCK_REALTIME);
    herd.next_point = herd.started + herd.pace;
    // Not fork, which walks over heaps that are gone.
    herd.worker = clone(
        become_worker, stack + sizeof stack, SIGCHLD | (may_lend_memory ? CLONE_VM | CLONE_VFORK : 0), &herd);
    if (herd.worker < 0) {
        herd.ended = herd.started;
        return write_result(&herd, line, block, 0, errno);
    }
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
        // Whoever is about to end anyway may do so: its work is done.
        if (herd.asked && !herd.leader_ended && !herd.terminated && is_patience_over(&herd, now)) {
            terminate(&herd, CAUSE_CANCELLED, request->grace_microseconds);
        }
        if (herd.wanted != CAUSE_NONE && !herd.leader_ended && !herd.terminated) {
            terminate(&herd, herd.wanted, herd.wanted_grace);
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
        } else {
            if (limit > 0 && herd.started + limit < wake) wake = herd.started + limit;
            if (herd.asked && herd.patience_ends < wake) wake = herd.patience_ends;
            if (herd.wanted != CAUSE_NONE) wake = now;
        }
        if (alert > 0 && !herd.said_time && !herd.leader_ended && herd.started + alert < wake) {
            wake = herd.started + alert;
        }
        now = microseconds(CLOCK_MONOTONIC);
        int number = next_signal(requests | signal_bit(SIGCHLD), wake > now ? wake - now : 0);
        if (number == SIGTERM && !herd.asked) {
            herd.asked = now, herd.patience_ends = now + PATIENCE_MICROSECONDS, herd.spent = -1;
        }
        if (number == SIGUSR1) terminate(&herd, CAUSE_CANCELLED, 0);
        if (number == SIGUSR2) herd.is_throttled = 1, next_sample = 0;
    }
    // Only a signal makes anybody ask.
    int64_t after = kills < 0 || (WIFEXITED(herd.leader_status) && WEXITSTATUS(herd.leader_status) == 0) ? kills : oom_kills();
    write_series(&herd);
    return write_result(&herd, line, block, after < 0 ? -1 : after - kills, 0);
}

// What is sent of an attempt; its texts follow, each with its final zero.
struct message {
    uint64_t size, variables;
    struct shepherd_request request;
};

// The files that come with it: the lock and the block for the result.
union control {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr header;
};

// Waits for an attempt and runs it; 0 when there will be none any more.
static int serve_once(void) {
    struct message message;
    union control control;
    struct iovec part = {&message, sizeof message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t count = syscall(SYS_recvmsg, CHANNEL, &header, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    struct cmsghdr *files = CMSG_FIRSTHDR(&header);
    if (count != sizeof message || !files || files->cmsg_len != CMSG_LEN(2 * sizeof(int))) return 0;
    int fds[2];
    memcpy(fds, CMSG_DATA(files), sizeof fds);

    size_t place = (message.size + 15) & ~(size_t)15, size = place + (message.variables + 1) * sizeof(char *);
    char *memory = (char *)syscall(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    for (size_t length = 0; length < message.size; length += (size_t)count) {
        count = syscall(SYS_recvfrom, CHANNEL, memory + length, message.size - length, 0, NULL, NULL);
        if (count <= 0) return 0;
    }
    struct shepherd_request *request = &message.request;
    const char **fields[] = {&request->command, &request->directory, &request->output_path, &request->error_path,
                             &request->result_path, &request->spare_path, &request->series_path};
    char *text = memory, **environment = (char **)(memory + place);
    for (int i = 0; i < 7; i++) *fields[i] = text, text += strlen(text) + 1;
    for (uint64_t i = 0; i < message.variables; i++) environment[i] = text, text += strlen(text) + 1;
    environment[message.variables] = NULL;
    request->environment = environment;

    char line[BLOCK_SIZE];
    size_t length = run_attempt(request, fds[1], line);
    // Whoever reads the line finds no lock.
    close_file(fds[0]);
    close_file(fds[1]);
    syscall(SYS_munmap, memory, size);
    say(line, length);
    return 1;
}

static void become_shepherd(int channel, int dies_with_starter) {
    drop_inherited_memory();
    syscall(SYS_setsid);
    syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    syscall(SYS_prctl, PR_SET_NAME, SHEPHERD_NAME, 0, 0, 0);
    if (dies_with_starter) syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
    // Handler, flags, restorer and mask are all zero. The C library's own call leaves out the signals 32 and 33.
    const uint64_t standard[4] = {0};
    for (int number = 1; number < 65; number++) syscall(SYS_rt_sigaction, number, standard, NULL, sizeof(uint64_t));
    // Keep the channel only: whatever else was open is not ours. A terminal or a pipe of whoever started this must not
    // be kept open.
    move_file(channel, CHANNEL);
    close_files(CHANNEL + 1);
    int nothing = open_file("/dev/null", O_RDONLY);
    for (int fd = 0; fd < 3; fd++) syscall(SYS_dup3, nothing, fd, 0);
    close_file(nothing);
    while (serve_once()) {}
    leave(0);
}

int shepherd_start(int *channel, int dies_with_starter) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    if (file_limit.rlim_cur == 0) getrlimit(RLIMIT_NOFILE, &file_limit);
    // No signal may find the child before it has its own handlers; it waits for those that it wants.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    int error = errno;
    if (child == 0) become_shepherd(ends[1], dies_with_starter);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return -error;
    }
    *channel = ends[0];
    return child;
}

// Sends all of the parts, the files with the first byte.
static int send_parts(int channel, struct iovec *parts, size_t count, const int files[2]) {
    union control control;
    memset(&control, 0, sizeof control);
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = count, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    *first = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))};
    memcpy(CMSG_DATA(first), files, 2 * sizeof(int));
    while (header.msg_iovlen > 0) {
        ssize_t sent = sendmsg(channel, &header, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return -errno;
        header.msg_control = NULL;
        header.msg_controllen = 0;
        while (header.msg_iovlen > 0 && (size_t)sent >= header.msg_iov->iov_len) {
            sent -= (ssize_t)header.msg_iov->iov_len;
            header.msg_iov++;
            header.msg_iovlen--;
        }
        if (header.msg_iovlen > 0) {
            header.msg_iov->iov_base = (char *)header.msg_iov->iov_base + sent;
            header.msg_iov->iov_len -= (size_t)sent;
        }
    }
    return 0;
}

static int send_attempt(int channel, const struct shepherd_request *request, const int files[2]) {
    const char *texts[] = {request->command, request->directory, request->output_path, request->error_path,
                           request->result_path, request->spare_path, request->series_path};
    struct message message = {.request = *request};
    for (int i = 0; i < 7; i++) message.size += strlen(texts[i]) + 1;
    while (request->environment[message.variables]) message.size += strlen(request->environment[message.variables++]) + 1;
    char *body = malloc(message.size), *to = body;
    if (!body) return -ENOMEM;
    for (int i = 0; i < 7; i++) to = put_text(to, texts[i]), *to++ = 0;
    for (uint64_t i = 0; i < message.variables; i++) to = put_text(to, request->environment[i]), *to++ = 0;
    struct iovec parts[] = {{&message, sizeof message}, {body, message.size}};
    int result = send_parts(channel, parts, 2, files);
    free(body);
    return result;
}

// Reserves the room for the result: whoever resumes the run finds in it who watches over the attempt.
static int reserve_block(const struct shepherd_request *request, pid_t shepherd) {
    const char *path = request->result_path;
    char block[BLOCK_SIZE];
    char *end = put_field(block, "pid=", shepherd);
    memset(end, ' ', (size_t)(block + BLOCK_SIZE - end));
    block[BLOCK_SIZE - 1] = '\n';
    // What it says of the earlier attempt is overwritten before it gets the new name.
    int spare = *request->spare_path ? open(request->spare_path, O_WRONLY | O_CLOEXEC) : -1;
    int fd = spare >= 0 ? spare : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return -errno;
    ssize_t written = write(fd, block, BLOCK_SIZE);
    if (written == BLOCK_SIZE && (spare < 0 || rename(request->spare_path, path) == 0)) return fd;
    int error = written < 0 ? errno : ENOSPC;
    close(fd);
    unlink(path);
    return -error;
}

int shepherd_run(int channel, pid_t shepherd, const struct shepherd_request *request) {
    int files[2];
    files[0] = open(request->output_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (files[0] < 0) return -errno;
    int result = flock(files[0], LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    if (result == 0) {
        files[1] = reserve_block(request, shepherd);
        result = files[1] < 0 ? files[1] : send_attempt(channel, request, files);
        if (files[1] >= 0) close(files[1]);
    }
    close(files[0]);
    return result;
}

ssize_t shepherd_receive(int channel, void *bytes, size_t size) {
    ssize_t count;
    do count = recv(channel, bytes, size, MSG_DONTWAIT); while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

int shepherd_reserve_room(int fd, off_t offset, off_t length) {
    return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length) < 0 ? -errno : 0;
}

void shepherd_raise_file_limit(void) {
    struct rlimit limit;
    if (file_limit.rlim_cur > 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    file_limit = limit;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void shepherd_trim_memory(void) {
    malloc_trim(0);
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

int shepherd_watch_notice(void) {
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGUSR1, &action, NULL) < 0 ? -errno : 0;
}

void shepherd_unwatch_signals(void) {
    for (int i = 0; i < 3; i++) sigaction(watched_signals[i], &earlier_actions[i], NULL);
    signal_fd = -1;
}
