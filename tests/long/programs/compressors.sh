# needs: xz zstd bzip2 gzip
# timeout: 300
cat /usr/bin/* 2>/dev/null | head -c 12000000 >x
xz -T2 -k -1 x
xz -dc x.xz | cmp - x && echo xz
zstd -q -T2 x -o x.zst
zstd -dqc x.zst | cmp - x && echo zstd
gzip -k x
gzip -dc x.gz | cmp - x && echo gzip
bzip2 -k x
bzip2 -dc x.bz2 | cmp - x && echo bzip2
