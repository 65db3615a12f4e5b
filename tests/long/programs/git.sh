# A repository of 1,000 commits: clone, rebase, gc, fsck, bisect, push.
# needs: git python3
# timeout: 300
export HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git config --global user.email nobody@example.org
git config --global user.name nobody
git config --global protocol.file.allow always
git init -q -b main origin
cd origin
python3 - <<'X' | git fast-import --quiet
for i in range(1000):
    print(f"commit refs/heads/main\ncommitter n <nobody@example.org> {1577836800 + i} +0000\ndata 3\nc{i % 10}\n")
    text = f"{i}\n" * 20
    print(f"M 100644 inline d{i % 17}/f{i % 100}\ndata {len(text)}\n{text}")
X
git reset -q --hard
git log --oneline | wc -l
git fsck --full 2>&1
cd ..
git clone -q origin clone
cd clone
git checkout -q -b topic HEAD~20
for i in 1 2 3 4 5; do
  echo $i >n$i
  git add n$i
  git commit -qm n$i
done
git rebase -q main
git log --format=%H | head -3
git gc -q
git fsck
git count-objects -v | grep -v size
git log --stat | sha256sum
git bisect start -q HEAD HEAD~100 >/dev/null
git bisect run sh -c 'test ! -f n3' 2>&1 | grep 'first bad'
git bisect reset -q
echo changed >n1
git stash -q
git stash list
git stash pop -q
git diff --stat
git clone -q --bare "file://$PWD" ../bare.git
git push -q ../bare.git HEAD:refs/heads/pushed
git -C ../bare.git branch
