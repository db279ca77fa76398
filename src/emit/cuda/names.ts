/**
 * What C, CMake and PyTorch see of a model begins with its name: functions (`micro_create`), constants (`MICRO_OK`),
 * files (`micro.h`), targets and libraries. These are the names, in lower case, for which one of them is somebody else's.
 */
const taken: Readonly<Record<string, string>> = {
  "has files of these names beside the model's": `all device encoded example head kernels loss loss_per_patch norm pack
    pool pred proj run`,
  "declares functions, types or macros that end as ours do, in C, POSIX and Linux": `cnd crypt_salt dsp_cap eai epoll fan_event
    fts fts64 iconv memfd msg mtx ns_name ns_o ns_opt_dnssec pci_base_address_space pci_command perf_event pidfd
    posix_spawn_file_actions posix_spawnattr sched sem shm ssi thrd time timer timerfd too_many_files tss`,
  "has macros that end as ours do, on Windows": "error_not_enough status_no wsa_not_enough",
  "is a header of C, POSIX, Linux or Windows": `aio aliases alloca argp assert byteswap complex conio cpio crypt ctype curses
    direct dirent dlfcn elf endian envz errno error execinfo fcntl features fenv float fmtmsg fnmatch form fts ftw gconv getopt
    glob grp iconv ifaddrs intrin inttypes iso646 langinfo lastlog libgen libintl limits link locale malloc math mcheck memory
    menu monetary mqueue ndbm net netdb nl_types obstack panel paths poll printf process pty pwd regex regexp resolv sched
    search semaphore setjmp shadow share signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdio_ext stdlib
    stdnoreturn string strings stropts syscall sysexits syslog tar tchar term termcap termio termios tgmath threads time trace
    uchar ucontext ulimit unistd utime utmp utmpx values varargs wait wchar wctype windows winnt winsock winsock2 wordexp`,
  "is a header of CUDA": `builtin_types channel_descriptor common_functions cooperative_groups cublas cufft cupti curand
    cusolver cusparse device_atomic_functions device_functions device_types driver_functions driver_types host_config
    host_defines library_types math_constants math_functions mma nvjpeg nvml nvrtc nvvm surface_types texture_types
    vector_functions vector_types`,
  "is a library that every compiler links": "anl atomic crypt gcc gomp quadmath resolv util",
  "is a target of CMake or of the torch that CMake finds": `all_build c10 c10_cuda clean depend dnnl edit_cache help install
    kineto list_install_components mkl package package_source preinstall rebuild_cache run_tests test torch torch_cpu torch_cuda
    torch_library zero_check`,
  "is a package that find_package looks for by a module of CMake": `alsa armadillo aspell avifile backtrace bison blas boost
    bullet bzip2 cable coin3d cups curl curses cvs cxxtest cygwin dart dcmtk devil doxygen egl envmodules expat flex fltk fltk2
    fontconfig freetype gccxml gdal gettext gif git glew glu glut gnuplot gnutls gsl gtest gtk gtk2 hdf5 hspell htmlhelp ice
    iconv icotool icu imagemagick intl jasper java jni jpeg kde3 kde4 lapack latex libarchive libinput liblzma libxml2 libxslt
    lttngust lua lua50 lua51 matlab mfc motif mpeg mpeg2 mpi msys odbc openacc openal opencl opengl openmp openscenegraph opensp
    openssl openthreads osg patch perl perllibs php4 physfs pike pkgconfig png postgresql producer project protobuf python
    python2 python3 qt qt3 qt4 quicktime rti ruby sdl selfpackers sqlite3 squish subversion swig tcl tclsh tclstub threads tiff
    unixcommands vulkan wget wish wxwidgets wxwindows x11 xalanc xctest xercesc xmlrpc zlib`,
};

const takenWords: ReadonlySet<string> = new Set(Object.values(taken).flatMap(words => words.split(/\s+/)));

/**
 * Whole families: one and two letters, with which other libraries' constants begin (`R_OK`, `S_OK`, `EX_OK`, `si_status`)
 * and which are libraries themselves (`libm`, `libc`, `libdl`), and what CMake, CUDA, threads, system calls and this compiler
 * keep for themselves. `cnxc` is one, so that no model's own name is what another one's becomes.
 */
const takenFamilies = /^(..?$|cmake|cnxc|cuda|pthread|sys(_|$)|(norm|stage)[0-9]+$)/;

/**
 * The word with which everything begins that C, CMake and Python see of a model: its name, or `cnxc_` and its name where
 * somebody else has that already.
 */
export function stemOf(model: string): string {
  const name = model.toLowerCase();
  return takenWords.has(name) || takenFamilies.test(name) ? `cnxc_${model}` : model;
}
