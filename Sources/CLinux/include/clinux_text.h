#ifndef CLINUX_TEXT_H
#define CLINUX_TEXT_H

#include "clinux_base.h"
#include <regex.h>
#include <time.h>

static inline int cl_regex_compile(regex_t *_Nonnull regex, const char *_Nonnull text) {
  return regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
}
static inline bool cl_regex_matches(const regex_t *_Nonnull regex, const char *_Nonnull text) {
  return regexec(regex, text, 0, NULL, 0) == 0;
}
static inline void cl_regex_free(regex_t *_Nonnull regex) { regfree(regex); }

/// A moment in the machine's time zone.
static inline struct tm cl_local_time(time_t seconds) {
  struct tm result;
  memset(&result, 0, sizeof result);
  localtime_r(&seconds, &result);
  return result;
}
static inline long cl_clock_ticks(void) { return sysconf(_SC_CLK_TCK); }

#endif
