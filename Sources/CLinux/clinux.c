#include "CLinux.h"

static char **words;

__attribute__((constructor)) static void keep_words(int count, char **given) {
  (void)count;
  words = given;
}

char *_Nullable *_Nonnull cl_words(void) { return (char *_Nullable *_Nonnull)words; }

int cl_binary_view;
