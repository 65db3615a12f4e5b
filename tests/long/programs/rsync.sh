# needs: rsync
# timeout: 120
mkdir a
for i in $(seq 200); do echo $i >a/f$i; done
ln -s f1 a/link
ln a/f2 a/hard
chmod 600 a/f3
rsync -aHAX --stats a/ b/ | grep -v -e bytes -e speedup -e seconds -e '^$'
echo more >>a/f4
touch -d 2001-01-01 a/f4
rsync -ai --delete a/ b/
rsync -an --checksum a/ b/ | wc -l
diff -r a b && echo same
stat -c %h b/f2
