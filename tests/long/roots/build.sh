# A compiler in a Debian tree.
exec 2>&1
mkdir /tmp/hello
cd /tmp/hello
printf '#include <stdio.h>\nint value(void);\nint main(void) { printf("hello %%d\\n", value()); }\n' >hello.c
printf 'int value(void) { return 42; }\n' >value.c
printf 'hello: hello.o value.o\n\t$(CC) -o $@ $^\n%%.o: %%.c\n\t$(CC) -O2 -Wall -c $<\nclean:\n\trm -f *.o hello\n' >Makefile
make -j2 --output-sync=target | sort
./hello
make
touch value.c
make
gcc -static -O2 -o static hello.c value.c && ./static
gcc -shared -fPIC -o libvalue.so value.c && gcc -o dynamic hello.c -L. -lvalue && LD_LIBRARY_PATH=. ./dynamic && ./dynamic; echo $?
echo 'int main(void) { return x; }' | gcc -x c - -o none; echo $?
make clean
ls
