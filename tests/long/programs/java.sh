# needs: java javac
# timeout: 300
java -version 2>&1
cp files/Threads.java .
javac Threads.java && java Threads
