# Chromium without a screen: processes from its zygote, workers, a page from a server, a picture of it. Installed by hand, being large.
# needs: chromium /usr/bin/python3 curl
# timeout: 240
port=$((20000 + $$ % 10000))
export HOME=$PWD
cat >page.html <<'END'
<body><p id=out></p><script>
  const worker = new Worker(URL.createObjectURL(new Blob(['onmessage = (e) => postMessage(e.data * 2)'])));
  worker.onmessage = async ({ data }) => {
    const text = await (await fetch('data.txt')).text();
    const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    out.textContent = [data, text.trim(), new Uint8Array(hash)[0], localStorage.length, navigator.hardwareConcurrency > 0].join(' ');
  };
  worker.postMessage(21);
</script>
END
echo served >data.txt
/usr/bin/python3 -m http.server --bind 127.0.0.1 $port >/dev/null 2>&1 &
for i in $(seq 200); do curl -s http://127.0.0.1:$port/data.txt && break; sleep 0.1; done
run() { chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir=$PWD/profile "$@" 2>/dev/null; }
run --virtual-time-budget=20000 --dump-dom http://127.0.0.1:$port/page.html | grep -o '<p.*</p>'
run --screenshot=$PWD/shot.png --window-size=200,100 'data:text/html,<body bgcolor=red>' >/dev/null
file -b shot.png
kill %1
wait
