/// Shell scripts that print what they see of a file system.
enum Workload: String, CaseIterable, Sendable {
  case names, modes, identity, links, renames, holes, attributes, times, open, append, locks, tree
  case temporary, mapping, special, lists

  var script: String {
    switch self {
    case .names:
      """
      mkdir d && cd d
      long=$(printf %0255d 7); touch $long; ls | wc -c; touch ${long}x; echo $?
      touch 'a b' '*' "$(printf 'new\\nline')" '-x' 2>&1; ls -b; ls -la | wc -l
      mkdir sub; rmdir sub; rmdir sub; mkdir sub; touch sub/f; rmdir sub; rm sub; rm -r sub
      cat nothing; cat d/e; ls .. ; ls ../d/.. ; cd /; rm -r "$OLDPWD"/*; ls -a "$OLDPWD"
      """
    case .modes:
      """
      umask 027; touch a; mkdir b; mkfifo c; stat -c '%n %A %u %g %h %s %F' a b c
      umask 0; touch d; mkdir e; chmod 7777 d e; stat -c '%n %A' d e
      chown 1000:1001 d e; stat -c '%n %A %u %g' d e; chmod 6755 d
      setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'echo x >> d'; stat -c '%A' d
      chmod 6755 d; chown 0:0 d; stat -c %A d; chmod 6777 d
      setpriv --reuid 5 --regid 5 --clear-groups sh -c 'echo x > d'; stat -c '%A %s' d
      chmod 2767 d; setpriv --reuid 5 --regid 5 --clear-groups sh -c 'echo x >> d'; stat -c '%A' d
      chmod 6777 d; echo root >> d; stat -c '%A' d; : > d; stat -c '%A' d
      chmod 6777 d; setpriv --reuid 5 --regid 5 --clear-groups truncate -s 3 d; stat -c '%A %s' d
      """
    case .identity:
      """
      mkdir -m 1777 t; mkdir -m 2777 g; chgrp 77 g
      setpriv --reuid 1000 --regid 1001 --clear-groups sh -c 'umask 022; touch t/a g/b; mkdir g/d; mkfifo g/p; ln -s x g/l'
      setpriv --reuid 1000 --regid 1001 --groups 77 sh -c 'umask 022; touch g/c; mkdir g/e; ln t/a t/h'
      stat -c '%n %A %u %g' t/a g/* ; setpriv --reuid 7 --regid 7 --clear-groups sh -c 'rm t/a; mv t/a t/b; echo x > t/a; cat t/a; touch g/b; rm g/b; ls g'
      mkdir -m 700 p; touch p/f; setpriv --reuid 7 --regid 7 --clear-groups sh -c 'ls p; cat p/f; touch p/g; chmod 777 p; chown 7 p'
      setpriv --reuid 1000 --regid 1001 --groups 77 sh -c 'install -m 2755 /bin/true g/x 2>&1'; stat -c '%n %A %u %g' g/x
      setpriv --reuid 1000 --regid 1001 --groups 77 /usr/bin/python3 -c "import os; os.umask(0); os.close(os.open('g/y', os.O_CREAT|os.O_WRONLY, 0o2775))"; stat -c '%A %g' g/y
      setpriv --reuid 1000 --regid 1001 --clear-groups /usr/bin/python3 -c "import os; os.umask(0); os.close(os.open('g/z', os.O_CREAT|os.O_WRONLY, 0o2775))"; stat -c '%A %g' g/z
      """
    case .links:
      """
      echo one > a; ln a b; ln a b; stat -c '%h %s' a b; echo two >> b; cat a; rm a; stat -c %h b
      ln -s b c; cat c; readlink c; ln -s nowhere d; cat d; ls d; ln -P d e; readlink e; stat -c %h d
      mkdir f; ln f g; ln -s f g; touch g/x; ls f; rm g; ls f; ln -s "$(printf %04094d 1)" long; readlink long | wc -c
      ln -s ../../../../../../etc/passwd up; ls -l up | cut -d' ' -f1; chown -h 3:4 c; stat -c '%u %g' c b
      ln -s loop loop; cat loop; stat -c %F loop
      """
    case .renames:
      """
      echo 1 > a; echo 2 > b; mv a b; cat b; ls; mkdir d e; touch d/x e/y; mv -T d e; mv -T d f; ls f
      mv f e; ls e; mv e e/f; mv -n b e/y; cat b e/y; /usr/bin/python3 - <<'END'
      import ctypes, os
      libc = ctypes.CDLL(None, use_errno=True)
      def rename2(a, b, flags):
          r = libc.renameat2(-100, a.encode(), -100, b.encode(), flags)
          print(a, b, flags, r, os.strerror(ctypes.get_errno()) if r else '')
      open('p', 'w').write('p'); open('q', 'w').write('q')
      rename2('p', 'q', 1); rename2('p', 'r', 1); rename2('r', 'q', 2); print(open('r').read(), open('q').read())
      rename2('q', 'nothing', 2); rename2('q', 's', 3); rename2('q', 'w', 4); print(os.stat('q').st_mode)
      END
      """
    case .holes:
      """
      truncate -s 1M a; stat -c '%s %b' a; printf x | dd of=a bs=1 seek=500000 conv=notrunc status=none; stat -c %s a
      fallocate -p -o 499712 -l 4096 a; cmp a /dev/zero; fallocate -l 2M b; stat -c '%s %b' b; fallocate -n -l 4M b; stat -c '%s %b' b
      fallocate -z -o 0 -l 4096 b; stat -c %s b; truncate -s 10 b; stat -c %s b; truncate -s 9E b; echo $?
      /usr/bin/python3 - <<'END'
      import os
      f = os.open('c', os.O_RDWR|os.O_CREAT); os.pwrite(f, b'x'*4096, 1 << 20); os.ftruncate(f, 1 << 21)
      print(os.lseek(f, 0, os.SEEK_DATA), os.lseek(f, 0, os.SEEK_HOLE), os.lseek(f, 1 << 20, os.SEEK_HOLE))
      try: os.lseek(f, 3 << 20, os.SEEK_DATA)
      except OSError as e: print(e)
      g = os.open('e', os.O_RDWR|os.O_CREAT); print(os.copy_file_range(f, g, 1 << 21, 0, 0), os.stat('e').st_size)
      END
      cp --sparse=always c d; cmp c d
      """
    case .attributes:
      """
      /usr/bin/python3 - <<'END'
      import os
      def t(f, *a, **k):
          try: print(f.__name__, a, f(*a, **k))
          except OSError as e: print(f.__name__, a, e.strerror)
      open('a', 'w'); os.symlink('a', 'l'); os.mkdir('d'); os.mkfifo('p')
      t(os.setxattr, 'a', 'user.x', b'1'); t(os.getxattr, 'a', 'user.x'); t(os.listxattr, 'a')
      t(os.setxattr, 'a', 'user.x', b'2', os.XATTR_CREATE); t(os.setxattr, 'a', 'user.y', b'2', os.XATTR_REPLACE)
      t(os.setxattr, 'a', 'user.big', b'b' * 3000); print(len(os.getxattr('a', 'user.big')))
      t(os.setxattr, 'a', 'user.huge', b'b' * 65537); t(os.getxattr, 'a', 'user.none'); t(os.removexattr, 'a', 'user.x')
      t(os.removexattr, 'a', 'user.x'); t(os.listxattr, 'a'); t(os.setxattr, 'd', 'user.d', b''); t(os.getxattr, 'd', 'user.d')
      t(os.setxattr, 'l', 'user.x', b'1', follow_symlinks=False); t(os.setxattr, 'p', 'user.x', b'1')
      t(os.setxattr, 'a', 'bad', b'1'); t(os.setxattr, 'a', 'user.' + 'n' * 250, b'1'); t(os.setxattr, 'a', 'user.' + 'n' * 251, b'1')
      t(os.setxattr, 'a', 'security.capability', bytes.fromhex('0100000200040000000000000000000000000000'))
      t(os.listxattr, 'a'); open('a', 'a').write('x'); t(os.listxattr, 'a')
      END
      """
    case .times:
      """
      touch -d '2001-02-03 04:05:06.123456789 UTC' a; stat -c '%y %x' a; touch -a -d @5 a; stat -c '%y %x' a
      touch -m -d @-7 a; stat -c %Y a; touch -d '2100-01-01 UTC' a; stat -c %Y a
      ln -s a l; touch -h -d @99 l; stat -c %Y l a; mkdir d; touch -d @9 d; stat -c %Y d; touch d/x
      test $(stat -c %Y d) -gt 9 && echo newer; touch -r a b; stat -c %Y b; chmod 400 b; chown 0 b
      setpriv --reuid 9 --regid 9 --clear-groups touch b; setpriv --reuid 9 --regid 9 --clear-groups touch -d @3 b
      """
    case .open:
      """
      /usr/bin/python3 - <<'END'
      import os
      def t(label, f):
          try: print(label, f())
          except OSError as e: print(label, e.strerror)
      f = os.open('a', os.O_CREAT|os.O_EXCL|os.O_RDWR, 0o000); os.write(f, b'hello'); os.unlink('a')
      print(os.fstat(f).st_nlink, os.fstat(f).st_size, os.pread(f, 9, 0)); os.ftruncate(f, 2); print(os.fstat(f).st_size); os.fchmod(f, 0o640); os.fchown(f, 3, 4)
      print(oct(os.fstat(f).st_mode), os.fstat(f).st_uid); os.close(f)
      open('b', 'w').write('x'); os.mkdir('d'); os.symlink('b', 'l'); os.symlink('new', 'm'); os.mkfifo('p')
      for name in ['b', 'd', 'l', 'm', 'none', 'd/..', 'b/x', 'p']:
          for flags in ['O_CREAT|os.O_EXCL', 'O_RDONLY|os.O_NOFOLLOW|os.O_NONBLOCK', 'O_WRONLY|os.O_NONBLOCK', 'O_DIRECTORY|os.O_NONBLOCK', 'O_RDWR|os.O_TRUNC|os.O_NONBLOCK', 'O_PATH|os.O_NOFOLLOW']:
              t(name + ' ' + flags, lambda: os.close(os.open(name, eval('os.' + flags))))
      t('creat', lambda: os.open('l2/x', os.O_CREAT)); print(sorted(os.listdir('.')))
      f = os.open('b', os.O_RDONLY); t('w', lambda: os.write(f, b'x')); g = os.open('b', os.O_WRONLY); t('r', lambda: os.read(g, 1))
      t('neg', lambda: os.pread(f, 1, 1 << 62)); t('big', lambda: os.pwrite(g, b'x', (1 << 63) - 1))
      t('trunc', lambda: os.truncate('d', 0)); t('fd', lambda: os.open('/dev/fd/%d' % f, os.O_RDONLY) > 0)
      t('dup', lambda: os.fsync(f)); t('data', lambda: os.fdatasync(g)); d = os.open('d', os.O_RDONLY); t('dir', lambda: os.fsync(d)); os.sync()
      END
      """
    case .append:
      """
      /usr/bin/python3 - <<'END'
      import os
      a = os.open('f', os.O_CREAT|os.O_WRONLY|os.O_APPEND); b = os.open('f', os.O_WRONLY|os.O_APPEND); c = os.open('f', os.O_RDWR)
      for i in range(50): os.write(a, b'a%d ' % i); os.write(b, b'b%d ' % i)
      os.pwrite(c, b'START', 0); os.write(a, b'END'); print(open('f').read(), os.fstat(a).st_size)
      import fcntl
      fcntl.fcntl(c, fcntl.F_SETFL, os.O_APPEND); os.lseek(c, 0, 0); os.write(c, b'flag'); print(open('f').read()[-7:])
      if os.fork() == 0:
          for i in range(500): os.write(a, b'child %4d\\n' % i)
          os._exit(0)
      for i in range(500): os.write(b, b'paren %4d\\n' % i)
      os.wait(); print(os.fstat(c).st_size, sum(1 for l in open('f') if len(l) == 11))
      END
      """
    case .locks:
      """
      /usr/bin/python3 - <<'END'
      import os, fcntl
      f = open('f', 'w+'); fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)
      def child(name, operation):
          pid = os.fork()
          if pid == 0:
              g = open('f', 'r+')
              try: operation(g); print(name, 'got', flush=True)
              except OSError as e: print(name, e.strerror, flush=True)
              os._exit(0)
          os.waitpid(pid, 0)
      child('overlap', lambda g: fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 5))
      child('beside', lambda g: fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 10))
      fcntl.lockf(f, fcntl.LOCK_UN); child('after', lambda g: fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB))
      fcntl.flock(f, fcntl.LOCK_EX); child('flock', lambda g: fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)); f.close()
      child('closed', lambda g: fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB))
      import sqlite3
      c = sqlite3.connect('db'); c.execute('create table t (x)'); c.commit()
      for w in range(2):
          if os.fork() == 0:
              d = sqlite3.connect('db', timeout=60)
              for i in range(20): d.execute('insert into t values (?)', (i,)); d.commit()
              os._exit(0)
      os.wait(); os.wait(); print(c.execute('select count(*), sum(x) from t').fetchall())
      c.execute('pragma journal_mode=wal'); c.execute('insert into t values (1)'); c.commit(); print(c.execute('pragma integrity_check').fetchall())
      END
      """
    case .tree:
      """
      mkdir -p a/b/c/d; for i in $(seq 300); do echo $i > a/b/file$i; ln -s file$i a/b/c/link$i; done
      ls a/b | wc -l; ls -lR a | grep -v total | awk '{print $1,$2,$5,$9}' | sort | sha256sum; cp -a a e; diff -r a e && echo same
      tar cf t.tar a; mkdir x; tar xf t.tar -C x; diff -r a x/a && echo same; find a -type l | wc -l; du -s --apparent-size --inodes a; rm -r a; ls
      git init -q r 2>&1; cd r; cp -r ../e/b .; git add .; git -c user.name=n -c user.email=e commit -qm m; git status --short | wc -l; git ls-files | wc -l
      git fsck 2>&1; cd ..; git clone -q r s; diff -r r/b s/b && echo same; touch r/b/file1; git -C r status --short | wc -l
      """
    case .temporary:
      """
      /usr/bin/python3 - <<'END'
      import os
      os.umask(0o022); f = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o666); os.write(f, b'temporary'); s = os.fstat(f); print(oct(s.st_mode), s.st_nlink, s.st_size, os.listdir('.'))
      os.link('/proc/self/fd/%d' % f, 'named', src_dir_fd=None, follow_symlinks=True); print(open('named').read(), os.stat('named').st_nlink)
      g = os.open('.', os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
      try: os.link('/proc/self/fd/%d' % g, 'other', follow_symlinks=True)
      except OSError as e: print(e.strerror)
      import tempfile
      with tempfile.TemporaryFile(dir='.') as t: t.write(b'x'); t.flush(); print(os.fstat(t.fileno()).st_size)
      END
      """
    case .mapping:
      """
      /usr/bin/python3 - <<'END'
      import mmap, os
      f = os.open('f', os.O_CREAT | os.O_RDWR); os.ftruncate(f, 10000); m = mmap.mmap(f, 10000); m[0:5] = b'hello'; m[9990:10000] = b'0123456789'; m.flush()
      print(os.pread(f, 5, 0), os.pread(f, 20, 9990), os.fstat(f).st_size); os.pwrite(f, b'write', 100); print(m[100:105])
      a = os.open('f', os.O_RDWR | os.O_APPEND); n = mmap.mmap(a, 10000); n[50:55] = b'appmm'; n.flush(); os.write(a, b'tail'); print(os.fstat(f).st_size, os.pread(f, 5, 50), os.pread(f, 10, 10000))
      p = mmap.mmap(f, 10000, mmap.MAP_PRIVATE); p[0:4] = b'priv'; print(os.pread(f, 5, 0)); os.unlink('f'); m[0:5] = b'after'; m.flush(); print(os.pread(f, 5, 0))
      END
      cp /bin/true exe; ./exe; echo $?; cp /bin/echo exe2; ./exe2 hi
      """
    case .special:
      """
      mknod c c 1 3; mknod b b 7 300; mkfifo p; stat -c '%n %F %t %T' c b p; cat c; echo x > c; echo ok
      (echo through > p &) ; cat p; /usr/bin/python3 -c "
      import socket; s = socket.socket(socket.AF_UNIX); s.bind('s'); s.listen(); c = socket.socket(socket.AF_UNIX); c.connect('s'); print('connected')"
      stat -c %F s; rm c b p s; setpriv --reuid 5 --regid 5 --clear-groups mknod c c 1 3; ls
      """
    case .lists:
      """
      /usr/bin/python3 - <<'END'
      import os, struct
      N = 0xffffffff
      def acl(*entries): return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries)
      def show(path, name):
          try: print(path, name, os.getxattr(path, 'system.posix_acl_' + name).hex())
          except OSError as e: print(path, name, e.strerror)
      def as_user(uid, label, f):
          if os.fork() == 0:
              os.setgroups([]); os.setgid(uid); os.setuid(uid)
              try: print(label, f(), flush=True)
              except OSError as e: print(label, e.strerror, flush=True)
              os._exit(0)
          os.wait()
      os.umask(0o077); os.mkdir('d'); os.chmod('d', 0o711)
      os.setxattr('d', 'system.posix_acl_default', acl((1, 7, N), (2, 6, 1000), (4, 5, N), (16, 7, N), (32, 1, N)))
      open('d/f', 'w').write('text'); os.mkdir('d/s'); os.mkfifo('d/p'); os.symlink('f', 'd/l')
      for path in ['d', 'd/f', 'd/s', 'd/p']:
          print(path, oct(os.stat(path).st_mode)); show(path, 'access'); show(path, 'default')
      for uid in [1000, 1001]:
          as_user(uid, uid, lambda: open('d/f').read()); as_user(uid, uid, lambda: open('d/f', 'a').write('x'))
      os.chmod('d/f', 0o604); show('d/f', 'access'); as_user(1000, 'masked', lambda: open('d/f').read()); as_user(1001, 'other', lambda: open('d/f').read())
      os.removexattr('d/f', 'system.posix_acl_access'); show('d/f', 'access'); as_user(1000, 'gone', lambda: open('d/f').read())
      open('g', 'w'); os.chown('g', 1000, 77); os.chmod('g', 0o2770)
      as_user(1000, 'owner', lambda: os.setxattr('g', 'system.posix_acl_access', acl((1, 6, N), (2, 4, 5), (4, 6, N), (16, 6, N), (32, 0, N))))
      print(oct(os.stat('g').st_mode)); as_user(1001, 'stranger', lambda: os.setxattr('g', 'system.posix_acl_access', acl((1, 7, N), (4, 7, N), (32, 7, N))))
      as_user(5, 'named', lambda: open('g').read()); show('g', 'access'); os.setxattr('g', 'system.posix_acl_access', acl((1, 6, N), (4, 6, N), (32, 0, N))); show('g', 'access')
      END
      """
    }
  }
}
