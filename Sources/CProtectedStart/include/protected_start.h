// The program's entry point is in protected_start.c; nothing of it is called from Swift.
#pragma once
