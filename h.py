import docker,io
c=docker.from_env()
for df in ["FROM labs/shell:1\nRUN <<EOF\necho one > /one\nEOF\n", "FROM labs/shell:1\nCOPY nothere /x\n","FROM labs/shell:1\nRUN --mount=type=cache,target=/c date\n","FROM labs/shell:1\nCOPY --chmod=755 Dockerfile /x\n","FROM labs/shell:1\nCOPY <<X /y\nabc\nX\n", "# syntax=docker/dockerfile:1\nFROM labs/shell:1\nRUN true\n"]:
    open('Dockerfile','w').write(df)
    try:
        im,log=c.images.build(path='.',tag='dk:h',rm=True); print('built',[e.get('stream') for e in log][:14])
    except Exception as e: print(type(e),e)
