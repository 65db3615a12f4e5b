# needs: cmake gcc make
# timeout: 300
mkdir src
cd src
for i in $(seq 30); do printf '#include <stdio.h>\nint f%d(int x) { return x + %d; }\n' $i $i >f$i.c; done
{
  for i in $(seq 30); do echo "int f$i(int);"; done
  echo '#include <stdio.h>'
  echo 'int main(void) { int s = 0;'
  for i in $(seq 30); do echo "s = f$i(s);"; done
  echo 'printf("%d\n", s); return s != 465; }'
} >main.c
cat >CMakeLists.txt <<'X'
cmake_minimum_required(VERSION 3.10)
project(sum C)
enable_testing()
file(GLOB parts f*.c)
add_library(parts SHARED ${parts})
add_executable(sum main.c)
target_link_libraries(sum parts)
add_test(NAME sums COMMAND sum)
X
cmake -B build -S . >log 2>&1 || cat log
cmake --build build -j4 | grep -c Building
build/sum
cmake --build build --target test | grep 'tests passed' | sed 's/ *Total.*//'
