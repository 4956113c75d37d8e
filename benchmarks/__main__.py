"""`python -m benchmarks`: what musl costs against glibc."""

from benchmarks.musl.compare import main

if __name__ == "__main__":
    main()
