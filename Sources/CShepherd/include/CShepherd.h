// A shepherd is a small process that runs attempts at tasks, one after the other, and outlives whoever started it.
//
// It starts the command in a session of its own, adopts every orphan of it, measures the whole process tree, enforces
// the limits, leaves no process behind, and writes what came of it to a file. It is forked, not executed, and uses only
// calls that are safe after a fork of a program with threads.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct shepherd_request {
    const char *command;             // run by /bin/sh -c
    const char *directory;           // working directory
    const char *output_path;         // standard output; locked with flock as long as the attempt runs
    const char *error_path;          // standard error
    const char *result_path;         // a block that holds `pid=N` of the shepherd, and at the end the result
    const char *spare_path;          // the result file of an earlier attempt, which becomes this one's; empty for none
    char *const *environment;        // ends with NULL
    int64_t time_limit_microseconds; // 0 is no limit
    int64_t grace_microseconds;      // between SIGTERM and SIGKILL
    int64_t sample_microseconds;     // between looks at the process tree
    int64_t memory_limit_bytes;      // the tree is killed when it is seen above; 0 is no limit
    const char *series_path;         // what it used over time is written here, see below
    int64_t series_microseconds;     // between points of that series; 0 keeps none
    int64_t alert_memory_bytes;      // a tree seen above is reported once; 0 is never
    int64_t alert_microseconds;      // a run time above is reported once; 0 is never
};

// Starts a shepherd. Returns its process id, or a negated errno. Our end of the channel to it is stored in channel: when we
// close it, or end, the shepherd ends with the attempt that it runs; or ends that as well, at once, if it dies with whoever
// started it (the thread that called this).
int shepherd_start(int *channel, int dies_with_starter);

// Hands an attempt to a shepherd that runs none. Returns 0, or a negated errno, which is EPIPE if the shepherd is dead.
// The room for the result is reserved before, so that a disk that fills up later does not lose it.
//
// What comes back through the channel are lines; the last one of an attempt is the result, which is in its file as well:
// `name=integer` separated by spaces: exit, signal (of the shell), cause (0 none, 1 time limit, 2 cancelled, 3 memory
// limit; only of a command that did not end by itself before), start_us, end_us (Unix time), wall_us, cpu_us, peak_bytes,
// read_bytes, written_bytes (-1 if unknown), oom_kills (of the whole machine meanwhile; 0 for a command that ended well),
// left_behind (processes that outlived the command, and were killed), error (errno of a step before the command ran).
//
// Before it, each alert is one line: alert (1 memory, 2 time), at_us since the start, value.
//
// The series is a file of 64-bit integers in the byte order of this machine, five to a point: microseconds since the
// start, CPU time so far, greatest memory of the tree since the point before, bytes read and written so far. Of more
// than 1,024 points every second is dropped and the pace halved, again and again. There is none if the command ended before
// the first point.
//
// SIGTERM makes a shepherd end its tree gracefully, unless the command ends by itself in the next 50 ms, or, where it waits
// for a processor or a disk, in the next second; SIGUSR1 at once; SIGUSR2 makes the tree give way to others (nice). They are forgotten when the next attempt starts.
int shepherd_run(int channel, pid_t shepherd, const struct shepherd_request *request);

// Reads what has come, without waiting. Returns how much, 0 when the shepherd has ended, or a negated errno.
ssize_t shepherd_receive(int channel, void *bytes, size_t size);

// Reserves room on the disk behind the end of a file, which stays as long as it is. Returns 0, or a negated errno.
int shepherd_reserve_room(int fd, off_t offset, off_t length);

// Lets this process, but not the commands, open as many files as it may.
void shepherd_raise_file_limit(void);

// Gives memory back to the system that this process does not use any more.
void shepherd_trim_memory(void);

// From now on SIGINT, SIGTERM and SIGHUP write their number as one byte to fd.
int shepherd_watch_signals(int fd);

// SIGUSR1 as well, by which a scheduler says that the end is near.
int shepherd_watch_notice(void);

// Restores the handlers that shepherd_watch_signals replaced.
void shepherd_unwatch_signals(void);
