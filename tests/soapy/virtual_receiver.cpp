// A virtual receiver for the tests: a SoapySDR module (driver=virtual) that plays a file of native samples.
//
//   g++ -std=c++17 -O1 -shared -fPIC virtual_receiver.cpp -o libvirtual.so -lSoapySDR
//   SOAPY_SDR_PLUGIN_PATH=. cellsweep sweep --device driver=virtual,file=x.cs16 --center 832.3M
//
// Device arguments (positions are samples from the start of the stream, losses included):
//   file=PATH           samples in the native format; played in a loop
//   format=CS16         native format: CS16, CS8, CU8 or CF32
//   full_scale=32768    the full scale the driver tells
//   rate=HZ             the only rate there is; the rate asked for otherwise
//   realtime=0          samples come this many times as fast as time passes; 0: as fast as they are read
//   stamp=1             0: the driver gives no time
//   mtu=4096            samples of one read at the most
//   overflow_every=N    each N samples ...
//   overflow_lost=M     ... M are lost, and the driver says Overflow
//   silent_gaps=0       1: the driver does not say it, only its clock tells
//   errors_at=N errors=K   K stream errors in a row at position N, then it goes on
//   lost_at=N           from position N on nothing but stream errors, as with the cable pulled
//   silent_at=N         from position N on nothing but timeouts
//   hang_at=N           at position N the driver never returns
//   at=HZ               the file was heard around HZ; tuned elsewhere the device plays what of it is heard there (CS16)
//   retune_delay=N      a new frequency, and a new gain, is there N samples after it was set
//   clock=1             0: no hardware time
//   gain_ref=DB         the gain with which the file was heard; another makes it louder or weaker, and clips (CS16)
//   garbage_flags=0     1: the driver sets flags that mean nothing
//   agc=1               0: without automatic gain
//   tunes_from=24e6 tunes_to=1766e6   the range it tells

#include <SoapySDR/Device.hpp>
#include <SoapySDR/Formats.hpp>
#include <SoapySDR/Registry.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Position = long long;

class VirtualReceiver : public SoapySDR::Device {
public:
    explicit VirtualReceiver(const SoapySDR::Kwargs &args) : args(args) {
        std::ifstream file(text("file", ""), std::ios::binary | std::ios::ate);
        if (!file) throw std::runtime_error("file " + text("file", "") + " cannot be read");
        samples.resize(size_t(file.tellg()));
        file.seekg(0).read(samples.data(), std::streamsize(samples.size()));
        numSamples = Position(samples.size() / sampleBytes);
        if (numSamples == 0) throw std::runtime_error("file " + text("file", "") + " holds no samples");
    }

    std::string getDriverKey() const override { return "virtual"; }
    std::string getHardwareKey() const override { return "virtual receiver"; }
    size_t getNumChannels(int direction) const override { return direction == SOAPY_SDR_RX ? 1 : 0; }

    void setFrequency(int, size_t, double hz, const SoapySDR::Kwargs &) override {
        if (hz < number("tunes_from", 24e6) || hz > number("tunes_to", 1766e6))
            throw std::runtime_error("out of range");
        frequencyHz = hz;
        nextPlay = {hz, gainDb};
        nextPlayAt = position + retuneDelay;
    }
    bool hasHardwareTime(const std::string &) const override { return stamped && number("clock", 1) != 0; }
    long long getHardwareTime(const std::string &) const override { return time(position + retuneDelay); }
    double getFrequency(int, size_t) const override { return frequencyHz; }
    SoapySDR::RangeList getFrequencyRange(int, size_t) const override {
        return {SoapySDR::Range(number("tunes_from", 24e6), number("tunes_to", 1766e6))};
    }
    SoapySDR::RangeList getSampleRateRange(int, size_t) const override { return {SoapySDR::Range(240e3, 61.44e6)}; }
    SoapySDR::Range getGainRange(int, size_t) const override { return SoapySDR::Range(0, 49.6); }
    void setSampleRate(int, size_t, double hz) override { rateHz = number("rate", hz); }
    double getSampleRate(int, size_t) const override { return rateHz; }
    bool hasGainMode(int, size_t) const override { return number("agc", 1) != 0; }
    void setGainMode(int, size_t, bool automatic) override { isAutomatic = automatic; }
    bool getGainMode(int, size_t) const override { return isAutomatic; }
    void setGain(int, size_t, double db) override {
        gainDb = db;
        nextPlay = {frequencyHz, gainDb};
        nextPlayAt = position + retuneDelay;
    }
    double getGain(int, size_t) const override { return gainDb; }

    std::vector<std::string> getStreamFormats(int, size_t) const override { return {format}; }
    std::string getNativeStreamFormat(int, size_t, double &fullScale) const override {
        fullScale = number("full_scale", format == "CS16" ? 32768 : format == "CF32" ? 1 : 128);
        return format;
    }
    SoapySDR::Stream *setupStream(int, const std::string &asked, const std::vector<size_t> &,
                                  const SoapySDR::Kwargs &) override {
        if (asked != format) throw std::runtime_error("format " + asked + " is not " + format);
        return reinterpret_cast<SoapySDR::Stream *>(this);
    }
    void closeStream(SoapySDR::Stream *) override {}
    size_t getStreamMTU(SoapySDR::Stream *) const override { return size_t(mtu); }
    int activateStream(SoapySDR::Stream *, int, long long, size_t) override {
        begun = Clock::now();
        position = 0;
        play = nextPlay = {frequencyHz, gainDb};
        nextPlayAt = 0;
        nextOverflow = overflowEvery;
        return 0;
    }
    int deactivateStream(SoapySDR::Stream *, int, long long) override { return 0; }

    int readStream(SoapySDR::Stream *, void *const *buffers, size_t room, int &flags, long long &timeNs,
                   long timeoutUs) override {
        if (position >= hangAt) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
        if (position >= lostAt) return SOAPY_SDR_STREAM_ERROR;
        if (position >= silentAt) return wait(timeoutUs);
        if (position >= errorsAt && errorsLeft > 0) {
            --errorsLeft;
            return SOAPY_SDR_STREAM_ERROR;
        }
        if (position >= nextOverflow) {
            nextOverflow += overflowEvery;
            position += overflowLost;
            if (!silentGaps) return SOAPY_SDR_OVERFLOW;
        }
        Position count = std::min(Position(room), mtu);
        // What is to happen at a position happens there, however long the reads are.
        if (position >= nextPlayAt) play = nextPlay;
        for (Position event : {hangAt, lostAt, silentAt, errorsLeft > 0 ? errorsAt : NEVER, nextOverflow, nextPlayAt})
            if (event > position) count = std::min(count, event - position);
        count = std::min(count, numSamples - position % numSamples);
        if (realtime > 0) {
            const auto due = begun + std::chrono::nanoseconds(std::llround(double(time(position + count)) / realtime));
            if (due > Clock::now() + std::chrono::microseconds(timeoutUs)) return wait(timeoutUs);
            std::this_thread::sleep_until(due);
        }
        const char *from = samples.data() + (position % numSamples) * sampleBytes;
        if (plain()) std::memcpy(buffers[0], from, size_t(count) * sampleBytes);
        else change(reinterpret_cast<const int16_t *>(from), static_cast<int16_t *>(buffers[0]), count);
        if (garbageFlags) flags |= 0x7fff0000 ^ int(position);
        if (garbageFlags) flags &= ~SOAPY_SDR_HAS_TIME;
        if (stamped) {
            flags |= SOAPY_SDR_HAS_TIME;
            timeNs = time(position);
        }
        position += count;
        return int(count);
    }

private:
    struct Play { double hz, gainDb; };

    bool plain() const {
        return format != SOAPY_SDR_CS16 || (std::abs(offset()) < 1 && std::abs(louder() - 1) < 1e-9);
    }
    double offset() const { return at > 0 ? at - play.hz : 0; }
    double louder() const { return gainRef > -1e3 ? std::pow(10, (play.gainDb - gainRef) / 20) : 1; }

    // The file shifted to where it is heard now; noise where less than half of it is.
    void change(const int16_t *from, int16_t *to, Position count) {
        const double turn = 2 * M_PI * offset() / rateHz, scale = louder();
        const bool heard = std::abs(offset()) < 0.5 * rateHz;
        auto clip = [](double value) { return int16_t(std::lround(std::max(-32768.0, std::min(32767.0, value)))); };
        for (Position n = 0; n < count; ++n) {
            const double angle = std::fmod(turn * double(position + n), 2 * M_PI), c = std::cos(angle), s = std::sin(angle);
            if (heard) {
                to[2 * n] = clip(scale * (from[2 * n] * c - from[2 * n + 1] * s));
                to[2 * n + 1] = clip(scale * (from[2 * n] * s + from[2 * n + 1] * c));
            } else {
                for (int k = 0; k < 2; ++k) {
                    random = random * 1664525u + 1013904223u;
                    to[2 * n + k] = int16_t(int(random >> 27) - 16);
                }
            }
        }
    }

    static constexpr Position NEVER = 1LL << 60;

    std::string text(const char *key, const std::string &otherwise) const {
        const auto found = args.find(key);
        return found == args.end() ? otherwise : found->second;
    }
    double number(const char *key, double otherwise) const {
        const auto found = args.find(key);
        return found == args.end() ? otherwise : std::stod(found->second);
    }
    Position whole(const char *key, Position otherwise) const {
        const auto found = args.find(key);
        return found == args.end() ? otherwise : std::stoll(found->second);
    }
    long long time(Position at) const { return std::llround(double(at) * 1e9 / rateHz); }
    static int wait(long timeoutUs) {
        std::this_thread::sleep_for(std::chrono::microseconds(timeoutUs));
        return SOAPY_SDR_TIMEOUT;
    }

    const SoapySDR::Kwargs args;
    const std::string format = text("format", SOAPY_SDR_CS16);
    const size_t sampleBytes = SoapySDR::formatToSize(format);
    const double realtime = number("realtime", 0);
    const bool stamped = whole("stamp", 1) != 0;
    const bool silentGaps = whole("silent_gaps", 0) != 0;
    const Position mtu = whole("mtu", 4096), overflowEvery = whole("overflow_every", NEVER);
    const Position overflowLost = whole("overflow_lost", 0), errorsAt = whole("errors_at", NEVER);
    const Position lostAt = whole("lost_at", NEVER), silentAt = whole("silent_at", NEVER);
    const Position hangAt = whole("hang_at", NEVER), retuneDelay = whole("retune_delay", 0);
    const double at = number("at", 0), gainRef = number("gain_ref", -1e9);
    const bool garbageFlags = whole("garbage_flags", 0) != 0;
    uint32_t random = 1;
    Position nextPlayAt = 0;
    Position errorsLeft = whole("errors", 0), position = 0, nextOverflow = NEVER, numSamples = 0;
    std::vector<char> samples;
    double rateHz = 1.92e6, frequencyHz = 832e6, gainDb = 20;
    bool isAutomatic = false;
    Play play{832e6, 20}, nextPlay{832e6, 20};
    Clock::time_point begun;
};

// Silent unless it is asked for, so that nobody's radio is mistaken for it.
SoapySDR::KwargsList find(const SoapySDR::Kwargs &args) {
    const auto driver = args.find("driver");
    if (driver == args.end() || driver->second != "virtual") return {};
    SoapySDR::Kwargs found = args;
    found["label"] = "virtual receiver";
    found["serial"] = "0001";
    return {found};
}

SoapySDR::Device *make(const SoapySDR::Kwargs &args) { return new VirtualReceiver(args); }

const SoapySDR::Registry registered("virtual", &find, &make, SOAPY_SDR_ABI_VERSION);

}  // namespace
