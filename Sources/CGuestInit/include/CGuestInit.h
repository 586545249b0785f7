#ifndef CGUESTINIT_H
#define CGUESTINIT_H
#endif
