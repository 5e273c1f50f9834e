//! The one function of glibc's `libm.so` that the program refers to: the progress bar of a login guesses with it how
//! long it will take. Were it not here, that library would be loaded and relocated at every start of every command.

/// `x` to the power of `y`.
#[expect(unsafe_code, reason = "the name is the C library's, and so is the meaning")]
#[unsafe(no_mangle)]
extern "C" fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}
