/* SPDX-License-Identifier: GPL-2.0 */
/* What lkl_host_ops has for the application: without a kernel, then beside one. */
#include "check.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

static struct lkl_sem *done;
static struct lkl_mutex *mutex;
static struct lkl_tls_key *key;
static int counter;

static void count(void *arg)
{
	int i;

	for (i = 0; i < 10000; i++) {
		lkl_host_ops.mutex_lock(mutex);
		counter += *(int *)arg;
		lkl_host_ops.mutex_unlock(mutex);
	}
}

static void count_and_exit(void *arg)
{
	count(arg);
	lkl_host_ops.thread_exit();
	abort();
}

static void count_detached(void *arg)
{
	lkl_host_ops.thread_detach();
	count(arg);
	lkl_host_ops.sem_up(done);
}

static void mutexes_and_threads(void)
{
	int one = 1;
	lkl_thread_t a, b, c;

	mutex = lkl_host_ops.mutex_alloc(0);
	done = lkl_host_ops.sem_alloc(0);
	CHECK(mutex && done);
	a = lkl_host_ops.thread_create(count, &one);
	b = lkl_host_ops.thread_create(count_and_exit, &one);
	c = lkl_host_ops.thread_create(count_detached, &one);
	CHECK(a && b && c);
	CHECK(!lkl_host_ops.thread_equal(a, lkl_host_ops.thread_self()));
	CHECK(lkl_host_ops.thread_join(a) == 0);
	CHECK(lkl_host_ops.thread_join(b) == 0);
	lkl_host_ops.sem_down(done);
	CHECK(counter == 30000);
	lkl_host_ops.mutex_free(mutex);
	lkl_host_ops.sem_free(done);

	mutex = lkl_host_ops.mutex_alloc(1);
	lkl_host_ops.mutex_lock(mutex);
	lkl_host_ops.mutex_lock(mutex);
	lkl_host_ops.mutex_unlock(mutex);
	lkl_host_ops.mutex_unlock(mutex);
	lkl_host_ops.mutex_free(mutex);
}

/* Two threads that take turns: what one has written the other sees. */
static struct lkl_sem *ping, *pong;
static int ball;

static void player(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < 1000; i++) {
		lkl_host_ops.sem_down(ping);
		ball *= -1;
		lkl_host_ops.sem_up(pong);
	}
}

static void semaphores(void)
{
	struct lkl_sem *two = lkl_host_ops.sem_alloc(2);
	lkl_thread_t tid;
	int i;

	lkl_host_ops.sem_down(two);
	lkl_host_ops.sem_down(two);
	lkl_host_ops.sem_free(two);

	ping = lkl_host_ops.sem_alloc(0);
	pong = lkl_host_ops.sem_alloc(0);
	tid = lkl_host_ops.thread_create(player, NULL);
	for (i = 0; i < 1000; i++) {
		ball = i;
		lkl_host_ops.sem_up(ping);
		lkl_host_ops.sem_down(pong);
		CHECK(ball == -i);
	}
	CHECK(lkl_host_ops.thread_join(tid) == 0);
	lkl_host_ops.sem_free(ping);
	lkl_host_ops.sem_free(pong);
}

static int destroyed;

static void destroy(void *value)
{
	destroyed = (int)(intptr_t)value;
}

static void with_own_value(void *arg)
{
	(void)arg;
	CHECK(lkl_host_ops.tls_get(key) == NULL);
	CHECK(lkl_host_ops.tls_set(key, (void *)(intptr_t)2) == 0);
	CHECK(lkl_host_ops.tls_get(key) == (void *)(intptr_t)2);
}

static void thread_data(void)
{
	lkl_thread_t tid;

	key = lkl_host_ops.tls_alloc(destroy);
	CHECK(key);
	CHECK(lkl_host_ops.tls_set(key, (void *)(intptr_t)1) == 0);
	tid = lkl_host_ops.thread_create(with_own_value, NULL);
	CHECK(lkl_host_ops.thread_join(tid) == 0);
	CHECK(destroyed == 2);
	CHECK(lkl_host_ops.tls_get(key) == (void *)(intptr_t)1);
	lkl_host_ops.tls_free(key);
	CHECK(destroyed == 2);
}

static void identity(void)
{
	lkl_thread_t self = lkl_host_ops.thread_self();
	lkl_ulong size = 0;
	char *stack = (char *)lkl_host_ops.thread_stack(&size);
	char here;

	CHECK(self && lkl_host_ops.thread_equal(self, self));
	CHECK(lkl_host_ops.gettid() == getpid()); /* of the first thread */
	CHECK(stack && stack <= &here && &here < stack + size);
}

static void memory(void)
{
	static const char text[] = "0123456789";
	unsigned char *page = (unsigned char *)lkl_host_ops.page_alloc(3 * 4096);
	char *bytes = (char *)lkl_host_ops.mem_alloc(sizeof(text));

	CHECK(page && (uintptr_t)page % 4096 == 0 && page[0] == 0 && page[3 * 4096 - 1] == 0);
	page[3 * 4096 - 1] = 1;
	lkl_host_ops.page_free(page, 3 * 4096);
	CHECK(bytes);
	CHECK(lkl_host_ops.memcpy(bytes, text, sizeof(text)) == bytes);
	lkl_host_ops.memmove(bytes + 1, bytes, 5);
	CHECK(strcmp(bytes, "0012346789") == 0);
	lkl_host_ops.memset(bytes, 'x', 3);
	CHECK(strcmp(bytes, "xxx2346789") == 0);
	lkl_host_ops.mem_free(bytes);
}

struct alarm {
	void *timer;
	int rounds;
	int rung;
	unsigned long long last;
};

static void ring(void *arg)
{
	struct alarm *alarm = (struct alarm *)arg;

	alarm->last = lkl_host_ops.time();
	if (++alarm->rung < alarm->rounds)
		CHECK(lkl_host_ops.timer_set_oneshot(alarm->timer, 1000000) == 0);
	else
		lkl_host_ops.sem_up(done);
}

static void timers(void)
{
	struct alarm alarm, never;
	unsigned long long start;

	memset(&alarm, 0, sizeof(alarm));
	memset(&never, 0, sizeof(never));
	done = lkl_host_ops.sem_alloc(0);
	alarm.rounds = 5;
	alarm.timer = lkl_host_ops.timer_alloc(ring, &alarm);
	never.timer = lkl_host_ops.timer_alloc(ring, &never);
	CHECK(alarm.timer && never.timer);
	start = lkl_host_ops.time();
	CHECK(lkl_host_ops.timer_set_oneshot(never.timer, 20000000) == 0);
	CHECK(lkl_host_ops.timer_set_oneshot(alarm.timer, 3600000000000ull) == 0);
	CHECK(lkl_host_ops.timer_set_oneshot(alarm.timer, 10000000) == 0);
	lkl_host_ops.timer_free(never.timer);
	lkl_host_ops.sem_down(done);
	CHECK(alarm.rung == 5);
	CHECK(alarm.last - start >= 14000000);

	alarm.rounds = 6;
	CHECK(lkl_host_ops.timer_set_oneshot(alarm.timer, 0) == 0); /* at once */
	lkl_host_ops.sem_down(done);
	while (lkl_host_ops.time() - start < 40000000)
		;
	CHECK(alarm.rung == 6 && never.rung == 0);
	lkl_host_ops.timer_free(alarm.timer);
	lkl_host_ops.sem_free(done);
}

static struct lkl_jmp_buf jump;
static int jumps;

static void leaves(void)
{
	jumps++;
	lkl_host_ops.jmp_buf_longjmp(&jump, 1);
	abort();
}

static void returns(void)
{
	jumps++;
}

static void jumping(void)
{
	lkl_host_ops.jmp_buf_set(&jump, leaves);
	lkl_host_ops.jmp_buf_set(&jump, returns);
	CHECK(jumps == 2);
}

/* Beside a kernel: its calls block and go on in such threads. */
static int pipe_fds[2];

static void read_pipe(void *arg)
{
	*(lkl_long *)arg = lkl_sys_read(pipe_fds[0], (char *)arg + sizeof(lkl_long), 5);
}

static void write_pipe(void *arg)
{
	(void)arg;
	CHECK(lkl_sys_write(pipe_fds[1], "tick", 5) == 5);
}

static void beside_a_kernel(void)
{
	struct { lkl_long ret; char text[8]; } got = {0, ""};
	lkl_thread_t reader;
	void *timer;

	lkl_host_ops.print = NULL;
	init(&lkl_host_ops);
	start(&lkl_host_ops, 32);
	OK(lkl_sys_pipe2(pipe_fds, 0));
	timer = lkl_host_ops.timer_alloc(write_pipe, NULL);
	reader = lkl_host_ops.thread_create(read_pipe, &got);
	CHECK(lkl_host_ops.timer_set_oneshot(timer, 10000000) == 0);
	CHECK(lkl_host_ops.thread_join(reader) == 0);
	CHECK(got.ret == 5 && strcmp(got.text, "tick") == 0);
	lkl_host_ops.timer_free(timer);
	stop();
}

int main(void)
{
	mutexes_and_threads();
	semaphores();
	thread_data();
	identity();
	memory();
	timers();
	jumping();
	beside_a_kernel();
	return 0;
}
