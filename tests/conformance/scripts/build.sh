make -s 2>&1; ./calc '2*(3+4)' ; ./calc '1/0'; echo $?; make -s 2>&1; touch expr.c; make 2>&1 | grep -c gcc
make -s -j2 clean; make -s -j2 && ./calc 10-4-3
gcc -O2 -static -o calc-static main.c expr.c && ./calc-static 6*7
echo 'int main(void) { return x; }' > bad.c; gcc -c bad.c 2>&1 | grep -c error; ar t libexpr.a; nm calc | grep -c ' T main'; objdump -d calc | grep -c main; strip calc; ./calc 1+1; size calc >/dev/null && echo size
