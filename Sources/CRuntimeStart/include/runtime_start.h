// What runtime_start.c holds is called by the Swift runtime, and nothing of it from Swift.
#pragma once
