// Prints the rate of this processor's time stamp counter in kHz, by comparing it with the clock.
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct sample {
  long long nanoseconds;
  unsigned long long ticks;
};

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_RAW, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// Of many pairs of readings the one with the least time between them: nothing interrupted that.
static struct sample sample(void) {
  struct sample best = {0, 0};
  long long narrowest = 1LL << 62;
  for (int i = 0; i < 100; i++) {
    long long before = now();
    unsigned long long ticks = __rdtsc();
    long long after = now();
    if (after - before < narrowest) {
      narrowest = after - before;
      best.nanoseconds = before + narrowest / 2;
      best.ticks = ticks;
    }
  }
  return best;
}

int main(void) {
  struct sample first = sample();
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  struct sample last = sample();
  double rate = (double)(last.ticks - first.ticks) * 1e6 / (double)(last.nanoseconds - first.nanoseconds);
  // Rates are whole MHz; what is near to one is one.
  long whole = (long)(rate / 1000 + 0.5) * 1000;
  double error = rate - (double)whole;
  printf("%ld\n", error > -300 && error < 300 ? whole : (long)(rate + 0.5));
  return 0;
}
