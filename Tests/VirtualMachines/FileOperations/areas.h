#pragma once
#include "operations.h"

void names(void), paths(void), errors(void), renames(void), links(void), openings(void);
void unlinked(void), temporary(void), data(void), holes(void), modes(void), owners(void);
void suid(void), sticky(void), accesses(void), lists(void), attributes(void), locks(void);
void mapping(void), append(void), directories(void), many(void), times(void), direct(void);
void large(void), sync_(void), copying(void), status(void), special(void), sockets(void), readOnly(void);

void prepareErrors(void), prepareRename(void), prepareLinks(void), prepareOpen(void);
void prepareModes(void), prepareSuid(void), prepareSticky(void), prepareAccess(void);
void prepareLists(void), prepareAttributes(void), prepareTimes(void);
